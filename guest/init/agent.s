# warren.mode=agent: one command for the host, over a serial line that carries nothing else.
#
# The protocol, binary clean in both directions. Frame: 1 byte type, 3 bytes payload length (little endian, at most 4096), payload.
#
# Host to guest
#   X  a piece of the request: u32 argc; argc argv strings; environment strings. Each string ends in a zero byte. At most 128 KiB in all.
#   G  go: the request is complete; start it
#   I  bytes of standard input; at most 4096 may be unacknowledged, so neither the line nor we ever need more room
#   E  end of standard input
#   S  one byte: a signal for the command's process group
#   B  one byte: 1 or 2, the command's output or errors have no reader any more; what it writes there fails with EPIPE from now on
#   W  u16 rows, u16 columns: size of the shell's terminal; of no account for a command, which has pipes
# Guest to host
#   R  ready: the host may send (nothing may be sent before)
#   O  bytes of standard output
#   D  bytes of standard error
#   C  u32: so many bytes of standard input were taken (or dropped, once the command has closed it)
#   F  u32: the command could not be started, for this errno; nothing follows
#   Q  u32 exit code, u32 ending signal (0: none): the command ended and its output has been sent; nothing follows
#
# After F or Q: sync, power off. Output that background children write after the command's end is not waited for.
# docs/agent-protocol.md says the same to readers of the host's side.

run_agent_on_tty:
        la      a0, name_agent_tty
        call    tty_path
        li      a1, O_RDWR | O_NOCTTY | O_CLOEXEC
        call    open
        bgez    a0, run_agent
        say     "init: the agent's serial line cannot be opened: "
        la      a0, path_buffer
        call    say_string
        say     "\n"
        j       power_off

# a0: the line
run_agent:
        call    agent_prepare
        j       agent_loop

# a0: the line. Makes it ours, turns signals into events, and tells the host that it may send.
agent_prepare:
        enter
        sd      a0, LINE(gp)
        la      a2, raw_terminal                # fails harmlessly on what is no terminal
        li      a1, TCSETS
        sys     IOCTL
        ld      a0, LINE(gp)
        li      a1, F_SETFL
        li      a2, O_RDWR | O_NONBLOCK
        sys     FCNTL
        ld      a0, LINE(gp)
        li      a1, F_SETFD
        li      a2, FD_CLOEXEC
        sys     FCNTL
        li      t0, -1
        sd      t0, CHILD_IN(gp)
        sd      t0, CHILD_OUT(gp)
        sd      t0, CHILD_ERR(gp)
        sd      t0, TERMINAL(gp)

        # SIGCHLD comes through a descriptor, SIGPIPE as an error of write.
        li      a0, SIG_SETMASK
        la      a1, agent_mask
        li      a2, 0
        li      a3, 8
        sys     RT_SIGPROCMASK
        li      a0, -1
        la      a1, child_mask
        li      a2, 8
        li      a3, O_NONBLOCK | O_CLOEXEC
        sys     SIGNALFD4
        sd      a0, SIGNALS(gp)

        li      a0, 'R'
        li      a2, 0
        call    send_frame
        leave

agent_loop:
        call    flush
        call    poll_all
        la      s0, poll_set
        lhu     t0, 6(s0)
        beqz    t0, 1f
        andi    t0, t0, ~POLLOUT
        beqz    t0, 1f
        call    receive
1:      call    take_frames                     # also those that waited for room in `input`
        lhu     t0, 14(s0)
        beqz    t0, 2f
        call    reap
2:      lhu     t0, 22(s0)
        beqz    t0, 3f
        call    feed_child
3:      lhu     t0, 30(s0)
        beqz    t0, 4f
        li      a0, CHILD_OUT
        li      a1, 'O'
        li      a2, PAYLOAD_SIZE
        call    forward
4:      lhu     t0, 38(s0)
        beqz    t0, 5f
        li      a0, CHILD_ERR
        li      a1, 'D'
        li      a2, PAYLOAD_SIZE
        call    forward
5:      ld      t0, EXITED(gp)
        beqz    t0, agent_loop

        # The command is gone. What is in its pipes now is its output; what comes later is somebody else's.
        li      a0, CHILD_OUT
        li      a1, 'O'
        call    drain
        li      a0, CHILD_ERR
        li      a1, 'D'
        call    drain
        ld      t0, STATUS(gp)
        andi    t1, t0, 0x7f                    # ending signal
        srli    t2, t0, 8
        andi    t2, t2, 0xff                    # exit code
        addi    sp, sp, -16
        sw      t2, 0(sp)
        sw      t1, 4(sp)
        li      a0, 'Q'
        mv      a1, sp
        li      a2, 8
        call    send_frame
        addi    sp, sp, 16

# Sends what is left, waits until the line has carried it, ends the machine.
agent_end:
        call    flush_all
        ld      a0, TERMINAL(gp)
        bltz    a0, 1f
        li      a1, TCSBRK
        li      a2, 1
        sys     IOCTL
1:        ld      a0, LINE(gp)
        li      a1, TCSBRK
        li      a2, 1
        sys     IOCTL
        j       power_off

# a0: errno
exec_failed:
        addi    sp, sp, -16
        sw      a0, 0(sp)
        li      a0, 'F'
        mv      a1, sp
        li      a2, 4
        call    send_frame
        addi    sp, sp, 16
        j       agent_end

# The host's end is gone or talks nonsense: no use going on with its command. A shell has its terminal, and needs no line.
line_lost:
        ld      t0, TERMINAL(gp)
        ld      a0, CHILD(gp)
        bltz    t0, 1f
        call    wait_for
        j       power_off
1:
        beqz    a0, power_off
        neg     a0, a0
        li      a1, SIGHUP
        sys     KILL
        j       power_off

protocol_error:
        say     "init: the host sent a frame that the agent's protocol does not have\n"
        j       line_lost

# Fills poll_set (line, signals, the command's input, output, errors) and waits.
poll_all:
        enter
        la      s0, poll_set
        ld      s1, TX_LENGTH(gp)
        ld      t0, LINE(gp)
        sw      t0, 0(s0)
        li      t1, 0
        li      t2, TX_FULL
        bgeu    s1, t2, 1f
        ld      t3, RX_LENGTH(gp)
        li      t2, 4 + PAYLOAD_SIZE
        bgeu    t3, t2, 1f
        li      t1, POLLIN
1:      beqz    s1, 2f
        ori     t1, t1, POLLOUT
2:      sw      t1, 4(s0)
        ld      t0, SIGNALS(gp)
        sw      t0, 8(s0)
        li      t0, POLLIN
        sw      t0, 12(s0)

        li      t0, -1                          # a negative descriptor is skipped
        sw      t0, 16(s0)
        sw      t0, 24(s0)
        sw      t0, 32(s0)
        sh      zero, 22(s0)
        sh      zero, 30(s0)
        sh      zero, 38(s0)
        li      t2, TX_BUSY
        bgeu    s1, t2, 4f
        ld      t0, INPUT_LENGTH(gp)
        beqz    t0, 3f
        ld      t0, CHILD_IN(gp)
        sw      t0, 16(s0)
        li      t0, POLLOUT
        sw      t0, 20(s0)
3:      ld      t0, CHILD_OUT(gp)
        sw      t0, 24(s0)
        ld      t0, CHILD_ERR(gp)
        sw      t0, 32(s0)
        li      t0, POLLIN
        sw      t0, 28(s0)
        sw      t0, 36(s0)
4:      mv      a0, s0
        li      a1, 5
        li      a2, 0
        li      a3, 0
        li      a4, 8
        sys     PPOLL
        bgez    a0, 5f
        sh      zero, 6(s0)                     # interrupted: nothing is ready
        sh      zero, 14(s0)
        sh      zero, 22(s0)
        sh      zero, 30(s0)
        sh      zero, 38(s0)
5:      leave

# Reads what the line has into rx.
receive:
        enter
        ld      s1, RX_LENGTH(gp)
        ld      a0, LINE(gp)
        la      a1, rx
        add     a1, a1, s1
        li      a2, 4 + PAYLOAD_SIZE
        sub     a2, a2, s1
        beqz    a2, 1f
        sys     READ
        li      t0, -EAGAIN
        beq     a0, t0, 1f
        li      t0, -EINTR
        beq     a0, t0, 1f
        blez    a0, line_lost
        add     s1, s1, a0
        sd      s1, RX_LENGTH(gp)
1:      leave

# Obeys every complete frame in rx; stops at input for which there is no room.
take_frames:
        enter
take_next:
        ld      s1, RX_LENGTH(gp)
        la      s0, rx
        li      t0, 4
        bltu    s1, t0, frames_done
        lbu     s2, 1(s0)
        lbu     t0, 2(s0)
        lbu     t1, 3(s0)
        slli    t0, t0, 8
        slli    t1, t1, 16
        or      s2, s2, t0
        or      s2, s2, t1                      # s2: payload length
        li      t0, PAYLOAD_SIZE
        bgtu    s2, t0, protocol_error
        addi    s3, s2, 4                       # s3: frame length
        bltu    s1, s3, frames_done

        lbu     t0, 0(s0)
        li      t1, 'I'
        beq     t0, t1, frame_input
        li      t1, 'X'
        beq     t0, t1, frame_request
        li      t1, 'G'
        beq     t0, t1, frame_go
        li      t1, 'E'
        beq     t0, t1, frame_end
        li      t1, 'S'
        beq     t0, t1, frame_signal
        li      t1, 'B'
        beq     t0, t1, frame_broken
        li      t1, 'W'
        beq     t0, t1, frame_window
        j       protocol_error

frame_taken:
        sub     s1, s1, s3
        sd      s1, RX_LENGTH(gp)
        mv      a0, s0
        add     a1, s0, s3
        mv      a2, s1
        call    copy
        j       take_next
frames_done:
        leave

frame_request:
        ld      t0, CHILD(gp)
        bnez    t0, protocol_error
        ld      t1, REQUEST_LENGTH(gp)
        add     t2, t1, s2
        sd      t2, REQUEST_LENGTH(gp)
        li      t3, REQUEST_SIZE
        bgtu    t2, t3, frame_taken             # too long: start_command says so
        la      a0, request
        add     a0, a0, t1
        addi    a1, s0, 4
        mv      a2, s2
        call    copy
        j       frame_taken

frame_go:
        ld      t0, CHILD(gp)
        bnez    t0, protocol_error
        call    start_command
        call    feed_child                      # input or its end may have come first
        j       frame_taken

frame_input:
        ld      t0, CHILD(gp)
        beqz    t0, 1f
        ld      t0, CHILD_IN(gp)
        bltz    t0, 2f
1:      ld      t1, INPUT_LENGTH(gp)
        add     t2, t1, s2
        li      t3, INPUT_SIZE
        bgtu    t2, t3, frames_done             # the host sent more than it may: it waits
        sd      t2, INPUT_LENGTH(gp)
        la      a0, input
        add     a0, a0, t1
        addi    a1, s0, 4
        mv      a2, s2
        call    copy
        j       frame_taken
2:      mv      a0, s2                          # nobody reads it any more
        call    send_credit
        j       frame_taken

frame_end:
        li      t0, 1
        sd      t0, INPUT_ENDED(gp)
        call    feed_child
        j       frame_taken

frame_signal:
        ld      a0, CHILD(gp)
        beqz    a0, frame_taken
        beqz    s2, protocol_error
        neg     a0, a0
        lbu     a1, 4(s0)
        sys     KILL
        j       frame_taken

# Closing our end of the pipe is all: the kernel does the rest, as in any pipeline.
frame_broken:
        beqz    s2, protocol_error
        lbu     t0, 4(s0)
        addi    t0, t0, -1
        li      t1, 2
        bgeu    t0, t1, protocol_error
        slli    t0, t0, 3
        add     t0, t0, gp
        ld      a0, CHILD_OUT(t0)
        li      t1, -1
        sd      t1, CHILD_OUT(t0)
        bltz    a0, frame_taken
        sys     CLOSE
        j       frame_taken

frame_window:
        li      t0, 4
        bne     s2, t0, protocol_error
        ld      a0, TERMINAL(gp)
        bltz    a0, frame_taken
        addi    sp, sp, -16                     # struct winsize: rows, columns, and two sizes in pixels that nobody knows
        lbu     t0, 4(s0)
        lbu     t1, 5(s0)
        sb      t0, 0(sp)
        sb      t1, 1(sp)
        lbu     t0, 6(s0)
        lbu     t1, 7(s0)
        sb      t0, 2(sp)
        sb      t1, 3(sp)
        sw      zero, 4(sp)
        li      a1, TIOCSWINSZ
        mv      a2, sp
        sys     IOCTL
        addi    sp, sp, 16
        j       frame_taken

# Moves input into the command's pipe; closes the pipe once all of it is there and no more will come.
feed_child:
        enter
        ld      s0, CHILD_IN(gp)
        bltz    s0, 3f
        ld      s1, INPUT_LENGTH(gp)
        beqz    s1, 2f
        mv      a0, s0
        la      a1, input
        mv      a2, s1
        sys     WRITE
        li      t0, -EAGAIN
        beq     a0, t0, 3f
        li      t0, -EINTR
        beq     a0, t0, 3f
        bgtz    a0, 1f
        call    close_input                     # the command closed it: drop, and credit
        mv      a0, s1
1:      mv      s2, a0
        sub     s1, s1, s2
        sd      s1, INPUT_LENGTH(gp)
        la      a0, input
        add     a1, a0, s2
        mv      a2, s1
        call    copy
        mv      a0, s2
        call    send_credit
        bnez    s1, 3f
2:      ld      t0, INPUT_ENDED(gp)
        beqz    t0, 3f
        call    close_input
3:      leave

close_input:
        ld      a0, CHILD_IN(gp)
        li      t0, -1
        sd      t0, CHILD_IN(gp)
        bltz    a0, 1f
        sys     CLOSE
1:      ret

# a0: CHILD_OUT or CHILD_ERR, a1: frame type, a2: most bytes -> a0: bytes forwarded, 0 at the end or when nothing is there.
forward:
        enter
        add     s0, gp, a0
        mv      s1, a1
        ld      a0, 0(s0)
        bltz    a0, 2f
        la      a1, scratch
        sys     READ
        li      t0, -EAGAIN
        beq     a0, t0, 2f
        li      t0, -EINTR
        beq     a0, t0, 2f
        blez    a0, 1f
        mv      s2, a0
        mv      a2, a0
        la      a1, scratch
        mv      a0, s1
        call    send_frame
        mv      a0, s2
        leave
1:      ld      a0, 0(s0)
        sys     CLOSE
        li      t0, -1
        sd      t0, 0(s0)
2:      li      a0, 0
        leave

# a0: CHILD_OUT or CHILD_ERR, a1: frame type. Forwards exactly what the pipe holds now.
drain:
        enter
        mv      s0, a0
        mv      s1, a1
        add     t0, gp, a0
        ld      a0, 0(t0)
        bltz    a0, 2f
        li      a1, FIONREAD
        sw      zero, 56(sp)
        addi    a2, sp, 56
        sys     IOCTL
        lwu     s2, 56(sp)
1:      beqz    s2, 2f
        call    flush_all
        mv      a0, s0
        mv      a1, s1
        li      a2, PAYLOAD_SIZE
        bgeu    s2, a2, 3f
        mv      a2, s2
3:      call    forward
        beqz    a0, 2f
        sub     s2, s2, a0
        j       1b
2:      leave

# Reaps every child that has ended; notes the command's end.
reap:
        enter
        ld      a0, SIGNALS(gp)
        la      a1, scratch
        li      a2, 1280
        sys     READ
1:      li      a0, -1
        addi    a1, sp, 56
        li      a2, WNOHANG
        li      a3, 0
        sys     WAIT4
        blez    a0, 2f
        ld      t0, CHILD(gp)
        bne     a0, t0, 1b
        lwu     t0, 56(sp)
        sd      t0, STATUS(gp)
        li      t0, 1
        sd      t0, EXITED(gp)
        j       1b
2:      leave

# a0: bytes of standard input taken
send_credit:
        beqz    a0, 1f
        addi    sp, sp, -16
        sd      ra, 8(sp)
        sw      a0, 0(sp)
        li      a0, 'C'
        mv      a1, sp
        li      a2, 4
        call    send_frame
        ld      ra, 8(sp)
        addi    sp, sp, 16
1:      ret

# a0: type, a1: payload, a2: its length. Appends to tx, whose limits (TX_BUSY, TX_FULL) leave room for every frame of one round.
send_frame:
        enter
        ld      t0, TX_LENGTH(gp)
        addi    t1, a2, 4
        add     t1, t1, t0
        sd      t1, TX_LENGTH(gp)
        la      t2, tx
        add     t2, t2, t0
        sb      a0, 0(t2)
        sb      a2, 1(t2)
        srli    t0, a2, 8
        sb      t0, 2(t2)
        sb      zero, 3(t2)
        addi    a0, t2, 4
        call    copy
        leave

# Writes as much of tx as the line takes at once.
flush:
        enter
        ld      s0, TX_LENGTH(gp)
        beqz    s0, 1f
        ld      a0, LINE(gp)
        la      a1, tx
        mv      a2, s0
        sys     WRITE
        li      t0, -EAGAIN
        beq     a0, t0, 1f
        li      t0, -EINTR
        beq     a0, t0, 1f
        blez    a0, line_lost
        sub     s0, s0, a0
        sd      s0, TX_LENGTH(gp)
        la      t0, tx
        add     a1, t0, a0
        mv      a0, t0
        mv      a2, s0
        call    copy
1:      leave

# Writes all of tx, waiting for the line.
flush_all:
        enter
1:      call    flush
        ld      t0, TX_LENGTH(gp)
        beqz    t0, 2f
        la      a0, poll_set
        ld      t0, LINE(gp)
        sw      t0, 0(a0)
        li      t0, POLLOUT
        sw      t0, 4(a0)
        li      a1, 1
        li      a2, 0
        li      a3, 0
        li      a4, 8
        sys     PPOLL
        j       1b
2:      leave

        .section .rodata
name_agent_tty: .asciz "ttyS1"
        .balign 8
# struct termios: no flag of input, output or local modes set; 115200 baud, 8 bits, receiver on, modem lines ignored; VMIN (cc[6]) is 1.
raw_terminal:   .word 0, 0, 0x18b2, 0
                .byte 0
                .byte 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        .balign 8
agent_mask:     .dword (1 << (SIGCHLD - 1)) | (1 << (SIGPIPE - 1))
child_mask:     .dword 1 << (SIGCHLD - 1)
        .bss
        .balign 8
poll_set:       .zero 40
        .text
