# Strings, memory, and small wrappers of system calls.

# a0: string -> a0: its length. Keeps a1.
string_length:
        mv      t0, a0
1:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        bnez    t1, 1b
        sub     a0, t0, a0
        addi    a0, a0, -1
        ret

# a0: destination, a1: source, a2: length. Copies upwards, so a move to a lower address may overlap. -> a0: end of the destination.
copy:
        add     t0, a1, a2
1:      beq     a1, t0, 2f
        lbu     t1, 0(a1)
        sb      t1, 0(a0)
        addi    a1, a1, 1
        addi    a0, a0, 1
        j       1b
2:      ret

# a0: text, a1: prefix -> a0: the text after the prefix, or 0.
after_prefix:
1:      lbu     t0, 0(a1)
        beqz    t0, 2f
        lbu     t1, 0(a0)
        bne     t0, t1, 3f
        addi    a0, a0, 1
        addi    a1, a1, 1
        j       1b
3:      li      a0, 0
2:      ret

# a0: a word of the command line, a1: string -> a0: 1 when the word is that string.
token_is:
        enter
        call    after_prefix
        beqz    a0, 1f
        lbu     t0, 0(a0)
        sltiu   a0, t0, 33                      # ends there: blank, newline or zero
1:      leave

# a0: path, a1: flags -> a0: descriptor or -errno
open:
        mv      a2, a1
        mv      a1, a0
        li      a0, AT_FDCWD
        li      a3, 0
        sys     OPENAT
        ret

# a0: string, written to standard error
say_string:
        enter
        mv      s0, a0
        call    string_length
        mv      a2, a0
        mv      a1, s0
        li      a0, 2
        sys     WRITE
        leave

# a0: key such as "warren.mode=" -> a0: where its value begins in the kernel command line (the last one given), or 0
option_value:
        enter
        mv      s0, a0
        la      s1, command_line
        li      s2, 0
        li      s3, ' '
1:      mv      a0, s1                          # at the start of a word
        mv      a1, s0
        call    after_prefix
        beqz    a0, 2f
        mv      s2, a0
2:      lbu     t0, 0(s1)                       # to the next word
        beqz    t0, 4f
        addi    s1, s1, 1
        bne     t0, s3, 2b
        j       1b
4:      mv      a0, s2
        leave

# a0: default name -> a0: path "/dev/NAME" of warren.tty, or of the default; in path_buffer
tty_path:
        enter
        mv      s0, a0
        la      a0, key_tty
        call    option_value
        beqz    a0, 1f
        mv      s0, a0
1:      mv      a0, s0
        call    dev_path
        leave

# a0: name, ended by a blank or a zero -> a0: path "/dev/NAME", in path_buffer
dev_path:
        enter
        mv      s0, a0
        la      a0, path_buffer
        la      a1, path_dev_slash
        li      a2, 5
        call    copy
        li      t2, 33
        la      t3, path_buffer + 200
2:      lbu     t0, 0(s0)
        bltu    t0, t2, 3f
        bgeu    a0, t3, 3f
        sb      t0, 0(a0)
        addi    a0, a0, 1
        addi    s0, s0, 1
        j       2b
3:      sb      zero, 0(a0)
        la      a0, path_buffer
        leave

        .section .rodata
key_tty:        .asciz "warren.tty="
path_dev_slash: .asciz "/dev/"
        .text
