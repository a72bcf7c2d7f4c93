# warren.mode=shell: a login-like shell with job control; its end is the machine's.

run_shell:
        call    fork
        beqz    a0, 1f
        call    wait_for
        j       power_off

1:      sys     SETSID
        la      a0, name_console
        call    tty_path
        li      a1, O_RDWR
        call    open
        bltz    a0, 3f
        mv      s0, a0
        li      a1, TIOCSCTTY
        li      a2, 0
        sys     IOCTL
        call    set_window
        li      s1, 0
2:      mv      a0, s0
        mv      a1, s1
        li      a2, 0
        sys     DUP3
        addi    s1, s1, 1
        li      t0, 3
        bne     s1, t0, 2b

3:      ld      s0, ENVIRON(gp)                 # TERM as the kernel handed it to us
        la      s1, shell_environment
4:      ld      s2, 0(s0)
        beqz    s2, 5f
        addi    s0, s0, 8
        mv      a0, s2
        la      a1, key_term
        call    after_prefix
        beqz    a0, 4b
        sd      s2, 0(s1)
        j       4b

5:      la      a0, path_shell
        la      a1, argv_shell
        la      a2, shell_environment
        sys     EXECVE
        say     "init: /bin/sh could not be run; is busybox in the initramfs?\n"
        li      a0, 127
        sys     EXIT_GROUP

# s0: terminal. warren.rows and warren.cols become its size.
set_window:
        addi    sp, sp, -32
        sd      ra, 0(sp)
        la      a0, key_rows
        li      a1, 0
        call    option_number
        sh      a0, 16(sp)
        la      a0, key_cols
        li      a1, 0
        call    option_number
        sh      a0, 18(sp)
        sw      zero, 20(sp)
        beqz    a0, 1f
        mv      a0, s0
        li      a1, TIOCSWINSZ
        addi    a2, sp, 16
        sys     IOCTL
1:      ld      ra, 0(sp)
        addi    sp, sp, 32
        ret

        .section .rodata
name_console:   .asciz "console"
key_rows:       .asciz "warren.rows="
key_cols:       .asciz "warren.cols="
key_term:       .asciz "TERM="
path_shell:     .asciz "/bin/sh"
name_shell:     .asciz "-sh"
env_term:       .asciz "TERM=linux"
env_prompt:     .asciz "PS1=warren:\\w# "
        .balign 8
argv_shell:     .dword name_shell, 0
        .data
        .balign 8
shell_environment:
        .dword  env_term, env_path, env_home, env_prompt, 0
        .text
