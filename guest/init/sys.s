# Linux system call numbers (asm-generic), the constants used with them, and the layout of `state`.

        .macro  sys name:req
        li      a7, SYS_\name
        ecall
        .endm

        # Write a string constant to standard error.
        .macro  say text:vararg
        .section .rodata
say\@:  .asciz \text
        .text
        la      a0, say\@
        call    say_string
        .endm

        .macro  enter
        addi    sp, sp, -64
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        .endm

        .macro  leave
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        addi    sp, sp, 64
        ret
        .endm

        .equ    SYS_DUP3, 24
        .equ    SYS_FCNTL, 25
        .equ    SYS_IOCTL, 29
        .equ    SYS_MKDIRAT, 34
        .equ    SYS_MOUNT, 40
        .equ    SYS_OPENAT, 56
        .equ    SYS_CLOSE, 57
        .equ    SYS_PIPE2, 59
        .equ    SYS_READ, 63
        .equ    SYS_WRITE, 64
        .equ    SYS_PPOLL, 73
        .equ    SYS_SIGNALFD4, 74
        .equ    SYS_SYNC, 81
        .equ    SYS_EXIT_GROUP, 94
        .equ    SYS_KILL, 129
        .equ    SYS_RT_SIGPROCMASK, 135
        .equ    SYS_REBOOT, 142
        .equ    SYS_SETSID, 157
        .equ    SYS_SETHOSTNAME, 161
        .equ    SYS_GETPID, 172
        .equ    SYS_CLONE, 220
        .equ    SYS_EXECVE, 221
        .equ    SYS_WAIT4, 260

        .equ    AT_FDCWD, -100
        .equ    O_RDONLY, 0
        .equ    O_WRONLY, 1
        .equ    O_RDWR, 2
        .equ    O_NOCTTY, 0x100
        .equ    O_NONBLOCK, 0x800
        .equ    O_CLOEXEC, 0x80000
        .equ    F_SETFD, 2
        .equ    FD_CLOEXEC, 1
        .equ    F_SETFL, 4
        .equ    WNOHANG, 1

        .equ    EINTR, 4
        .equ    E2BIG, 7
        .equ    EAGAIN, 11
        .equ    EACCES, 13
        .equ    ENOTDIR, 20
        .equ    EINVAL, 22
        .equ    ENOENT, 2

        .equ    SIGHUP, 1
        .equ    SIGPIPE, 13
        .equ    SIGCHLD, 17
        .equ    SIG_SETMASK, 2

        .equ    TCGETS, 0x5401
        .equ    TCSETS, 0x5402
        .equ    TCSBRK, 0x5409
        .equ    TIOCSCTTY, 0x540e
        .equ    TIOCSWINSZ, 0x5414
        .equ    FIONREAD, 0x541b

        .equ    POLLIN, 1
        .equ    POLLOUT, 4

        .equ    REBOOT_MAGIC1, 0xfee1dead
        .equ    REBOOT_MAGIC2, 0x28121969
        .equ    RB_POWER_OFF, 0x4321fedc

        # state: what lives as long as init, at gp
        .equ    OWN_PID, 0
        .equ    ENVIRON, 8
        .equ    LINE, 16                        # the agent's serial line
        .equ    CHILD, 24                       # pid of the command; 0 before it starts
        .equ    EXITED, 32                      # 1 once the command has been reaped
        .equ    STATUS, 40                      # its wait status
        .equ    CHILD_IN, 48                    # our ends of its pipes; -1 when closed
        .equ    CHILD_OUT, 56
        .equ    CHILD_ERR, 64
        .equ    SIGNALS, 72                     # signalfd for SIGCHLD
        .equ    RX_LENGTH, 80                   # bytes in rx
        .equ    TX_LENGTH, 88                   # bytes in tx
        .equ    INPUT_LENGTH, 96                # bytes in input
        .equ    INPUT_ENDED, 104                # the host sent E
        .equ    REQUEST_LENGTH, 112             # bytes in request; more than REQUEST_SIZE: too long
        .equ    ARGV_COUNT, 120
        .equ    SEARCH_PATH, 128                # value of the command's PATH
        .equ    TERMINAL, 136                   # the shell's terminal; -1 when there is no shell
        .equ    STATE_SIZE, 144

        .equ    PAYLOAD_SIZE, 4096              # most bytes of payload in a frame
        .equ    INPUT_SIZE, 4096                # most bytes of standard input that the host has in flight
        .equ    REQUEST_SIZE, 0x20000
        .equ    STRINGS_MAX, 8192               # argv and environment strings in a request
        .equ    TX_SIZE, 32768
        .equ    TX_BUSY, 8192                   # above this, the command's output waits in its pipes
        .equ    TX_FULL, 24576                  # above this, frames from the host wait in the line: a frame adds at most 8 bytes

        .bss
        .balign 16
state:          .zero STATE_SIZE
rx:             .zero 4 + PAYLOAD_SIZE
        .balign 16
tx:             .zero TX_SIZE
input:          .zero INPUT_SIZE
request:        .zero REQUEST_SIZE
vectors:        .zero (STRINGS_MAX + 8) * 8     # argv, null, environment, null
command_line:   .zero 4096
path_buffer:    .zero 4352
scratch:        .zero 4096
        .text
