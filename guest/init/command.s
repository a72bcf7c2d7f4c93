# Starting the agent's command: from the request's strings to a running process with three pipes.

# Returns with CHILD and the pipes set; otherwise exec_failed ends the agent.
start_command:
        enter
        call    parse_request
        bnez    a0, exec_failed

        addi    sp, sp, -32                     # four pipes: input, output, errors, exec's error
        mv      s0, sp
        li      s1, 0
1:      add     a0, s0, s1
        li      a1, O_CLOEXEC
        sys     PIPE2
        bltz    a0, start_failed
        addi    s1, s1, 8
        li      t0, 32
        bne     s1, t0, 1b
        call    fork
        beqz    a0, command_child
        bltz    a0, start_failed
        mv      s2, a0

        lw      a0, 0(s0)                       # the child's ends
        sys     CLOSE
        lw      a0, 12(s0)
        sys     CLOSE
        lw      a0, 20(s0)
        sys     CLOSE
        lw      a0, 28(s0)
        sys     CLOSE
        lw      a0, 4(s0)
        sd      a0, CHILD_IN(gp)
        call    unblock
        lw      a0, 8(s0)
        sd      a0, CHILD_OUT(gp)
        call    unblock
        lw      a0, 16(s0)
        sd      a0, CHILD_ERR(gp)
        call    unblock

        # A successful exec closes the fourth pipe; a failed one writes its errno first.
2:      lw      a0, 24(s0)
        la      a1, scratch
        li      a2, 4
        sys     READ
        li      t0, -EINTR
        beq     a0, t0, 2b
        mv      s1, a0
        lw      a0, 24(s0)
        sys     CLOSE
        li      t0, 4
        bne     s1, t0, 3f
        lw      a0, scratch
        j       exec_failed
3:      sd      s2, CHILD(gp)
        addi    sp, sp, 32
        leave

# a0: -errno
start_failed:
        neg     a0, a0
        j       exec_failed

# a0: descriptor
unblock:
        li      a1, F_SETFL
        li      a2, O_NONBLOCK
        sys     FCNTL
        ret

# In the child; s0: the pipes. A session of its own, so that signals reach all of it and nothing of us.
command_child:
        sys     SETSID
        li      a0, SIG_SETMASK
        la      a1, no_signals
        li      a2, 0
        li      a3, 8
        sys     RT_SIGPROCMASK
        lw      a0, 0(s0)
        li      a1, 0
        li      a2, 0
        sys     DUP3
        lw      a0, 12(s0)
        li      a1, 1
        li      a2, 0
        sys     DUP3
        lw      a0, 20(s0)
        li      a1, 2
        li      a2, 0
        sys     DUP3
        call    exec_search
        la      a1, scratch
        sw      a0, 0(a1)
        lw      a0, 28(s0)
        li      a2, 4
        sys     WRITE
        li      a0, 127
        sys     EXIT_GROUP

# Replaces the process by argv[0], looked for along PATH when it has no slash. -> a0: errno, if it returns
exec_search:
        enter
        la      s0, vectors
        ld      s1, 0(s0)
        mv      a0, s1
        call    string_length
        mv      s4, a0
        li      a0, ENOENT
        beqz    s4, search_done
        mv      t0, s1
        li      t2, '/'
1:      lbu     t1, 0(t0)
        addi    t0, t0, 1
        beq     t1, t2, exec_as_is
        bnez    t1, 1b

        ld      s2, SEARCH_PATH(gp)
        li      s3, ENOENT                      # s3: what to say when nothing is found
search_entry:
        la      a0, path_buffer
        la      t3, path_buffer + 4096
        li      t2, ':'
        mv      t4, a0
2:      lbu     t1, 0(s2)
        beqz    t1, 3f
        beq     t1, t2, 3f
        sb      t1, 0(a0)
        addi    s2, s2, 1
        addi    a0, a0, 1
        bltu    a0, t3, 2b
        li      a0, ENOENT                      # an entry longer than any path
        j       search_done
3:      beq     a0, t4, 4f                      # an empty entry is the current directory
        li      t1, '/'
        sb      t1, 0(a0)
        addi    a0, a0, 1
4:      li      t0, 255                         # no file name is longer
        bgtu    s4, t0, search_done_as_found
        mv      a1, s1
        addi    a2, s4, 1
        call    copy
        la      a0, path_buffer
        call    exec_path
        li      t0, ENOENT
        beq     a0, t0, 5f
        li      t0, ENOTDIR
        beq     a0, t0, 5f
        li      t0, EACCES
        bne     a0, t0, search_done
        mv      s3, a0
5:      lbu     t1, 0(s2)
        beqz    t1, search_done_as_found
        addi    s2, s2, 1
        j       search_entry
exec_as_is:
        mv      a0, s1
        call    exec_path
        j       search_done
search_done_as_found:
        mv      a0, s3
search_done:
        leave

# a0: path -> a0: errno, if it returns
exec_path:
        la      a1, vectors
        ld      t0, ARGV_COUNT(gp)
        addi    t0, t0, 1
        slli    t0, t0, 3
        add     a2, a1, t0
        sys     EXECVE
        neg     a0, a0
        ret

# request -> vectors (argv, null, environment, null), ARGV_COUNT, SEARCH_PATH. -> a0: 0 or errno
# An environment without PATH or HOME gets ours.
parse_request:
        enter
        ld      s1, REQUEST_LENGTH(gp)
        li      a0, E2BIG
        li      t0, REQUEST_SIZE
        bgtu    s1, t0, parse_done
        la      s0, request
        add     s1, s1, s0                      # s1: end
        la      s2, vectors
        la      s3, vectors + STRINGS_MAX * 8
        addi    t0, s0, 4
        li      a0, EINVAL
        bgeu    t0, s1, parse_done
        lbu     t1, -1(s1)                      # zero, so every string ends within the request
        bnez    t1, parse_done
        lwu     s4, 0(s0)                       # argc
        beqz    s4, parse_done
        sd      s4, ARGV_COUNT(gp)
        mv      s0, t0
1:      li      a0, EINVAL
        bgeu    s0, s1, parse_done              # fewer strings than argc
        li      a0, E2BIG
        bgeu    s2, s3, parse_done
        sd      s0, 0(s2)
        addi    s2, s2, 8
        mv      a0, s0
        call    string_length
        add     s0, s0, a0
        addi    s0, s0, 1
        addi    s4, s4, -1
        bnez    s4, 1b
        sd      zero, 0(s2)
        addi    s2, s2, 8
        li      s4, 0                           # s4: 1 once HOME was seen
        sd      zero, SEARCH_PATH(gp)
3:      bgeu    s0, s1, 6f
        li      a0, E2BIG
        bgeu    s2, s3, parse_done
        sd      s0, 0(s2)
        addi    s2, s2, 8
        mv      a0, s0
        la      a1, key_path
        call    after_prefix
        beqz    a0, 4f
        sd      a0, SEARCH_PATH(gp)
4:      mv      a0, s0
        la      a1, key_home
        call    after_prefix
        beqz    a0, 5f
        li      s4, 1
5:      mv      a0, s0
        call    string_length
        add     s0, s0, a0
        addi    s0, s0, 1
        j       3b
6:      bnez    s4, 7f
        la      t0, env_home
        sd      t0, 0(s2)
        addi    s2, s2, 8
7:      ld      t0, SEARCH_PATH(gp)
        bnez    t0, 8f
        la      t0, env_path
        sd      t0, 0(s2)
        addi    s2, s2, 8
        addi    t0, t0, 5                       # after "PATH="
        sd      t0, SEARCH_PATH(gp)
8:      sd      zero, 0(s2)
        li      a0, 0
parse_done:
        leave

        .section .rodata
key_path:       .asciz "PATH="
key_home:       .asciz "HOME="
        .balign 8
no_signals:     .dword 0
        .text
