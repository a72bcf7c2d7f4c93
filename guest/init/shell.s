# warren.mode=shell: a login-like shell with job control; its end is the machine's. The agent's line carries the size of its terminal one
# way and its exit status the other; without that line there is still a shell.

run_shell:
        la      a0, name_agent_tty
        call    dev_path
        li      a1, O_RDWR | O_NOCTTY | O_CLOEXEC
        call    open
        call    agent_prepare
        la      a0, name_console
        call    tty_path
        li      a1, O_RDWR | O_NOCTTY | O_CLOEXEC
        call    open
        sd      a0, TERMINAL(gp)
        call    fork
        beqz    a0, shell_child
        sd      a0, CHILD(gp)
        ld      t0, LINE(gp)
        bgez    t0, agent_loop
        call    wait_for
        j       power_off

shell_child:
        sys     SETSID
        li      a0, SIG_SETMASK
        la      a1, no_signals
        li      a2, 0
        li      a3, 8
        sys     RT_SIGPROCMASK
        la      a0, name_console
        call    tty_path
        li      a1, O_RDWR
        call    open
        bltz    a0, 3f
        mv      s0, a0
        li      a1, TIOCSCTTY
        li      a2, 0
        sys     IOCTL
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

        .section .rodata
name_console:   .asciz "console"
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
