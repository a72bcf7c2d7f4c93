# What every mode needs before it starts. Nothing here is fatal: a missing mount shows when something wants it.

boot:
        enter
        la      s0, directories
1:      lbu     t0, 0(s0)
        beqz    t0, 2f
        li      a0, AT_FDCWD
        mv      a1, s0
        li      a2, 0x1ed                       # rwxr-xr-x
        sys     MKDIRAT
        mv      a0, s0
        call    string_length
        add     s0, s0, a0
        addi    s0, s0, 1
        j       1b

2:      la      s0, mounts                      # four pointers each: source, target, type, options
3:      ld      a0, 0(s0)
        beqz    a0, 4f
        ld      a1, 8(s0)
        ld      a2, 16(s0)
        li      a3, 0
        ld      a4, 24(s0)
        sys     MOUNT
        # devpts and shm want directories that only exist once /dev is mounted.
        li      a0, AT_FDCWD
        la      a1, path_devpts
        li      a2, 0x1ed
        sys     MKDIRAT
        li      a0, AT_FDCWD
        la      a1, path_shm
        li      a2, 0x1ed
        sys     MKDIRAT
        addi    s0, s0, 32
        j       3b

4:      call    open_console
        la      a0, path_cmdline
        li      a1, O_RDONLY
        call    open
        mv      s1, a0
        la      a1, command_line
        li      a2, 4095
        sys     READ
        bgtz    a0, 5f
        li      a0, 1
5:      la      t0, command_line
        add     t0, t0, a0
        sb      zero, -1(t0)                    # over the final newline
        mv      a0, s1
        sys     CLOSE

        la      a0, hostname
        li      a1, 6
        sys     SETHOSTNAME
        la      a0, argv_install
        call    run_and_wait
        la      a0, argv_loopback
        call    run_and_wait
        leave

# Descriptors 0, 1 and 2 become the console; /dev/null where there is none, so that later descriptors lie above 2.
open_console:
        enter
        la      a0, path_console
        li      a1, O_RDWR | O_NOCTTY
        call    open
        bgez    a0, 1f
        la      a0, path_null
        li      a1, O_RDWR
        call    open
        bltz    a0, 4f
1:      mv      s0, a0
        li      s1, 0
2:      beq     s0, s1, 3f                      # dup3 refuses equal descriptors
        mv      a0, s0
        mv      a1, s1
        li      a2, 0
        sys     DUP3
3:      addi    s1, s1, 1
        li      t0, 3
        bne     s1, t0, 2b
        bltu    s0, t0, 4f
        mv      a0, s0
        sys     CLOSE
4:      leave

# a0: null-terminated argv whose first entry is the path. Runs it with the default environment and reaps it.
run_and_wait:
        enter
        mv      s0, a0
        call    fork
        bnez    a0, 1f
        ld      a0, 0(s0)
        mv      a1, s0
        la      a2, default_environment
        sys     EXECVE
        li      a0, 127
        sys     EXIT_GROUP
1:      call    wait_for
        leave

# -> a0: 0 in the child, its pid (or -errno) in the parent
fork:
        li      a0, SIGCHLD
        li      a1, 0
        li      a2, 0
        li      a3, 0
        li      a4, 0
        sys     CLONE
        ret

# a0: pid. Reaps every child until that one has ended (or there is none).
wait_for:
        enter
        mv      s0, a0
1:      li      a0, -1
        addi    a1, sp, 56
        li      a2, 0
        li      a3, 0
        sys     WAIT4
        li      t0, -EINTR
        beq     a0, t0, 1b
        bltz    a0, 2f
        bne     a0, s0, 1b
2:      leave

        .section .rodata
directories:
        .asciz "/proc", "/sys", "/dev", "/tmp", "/run", "/bin", "/root", "/etc", "/mnt", "/var", ""
path_devpts:    .asciz "/dev/pts"
path_shm:       .asciz "/dev/shm"
path_cmdline:   .asciz "/proc/cmdline"
path_console:   .asciz "/dev/console"
path_null:      .asciz "/dev/null"
hostname:       .ascii "warren"
fs_proc:        .asciz "proc"
fs_sysfs:       .asciz "sysfs"
fs_devtmpfs:    .asciz "devtmpfs"
fs_devpts:      .asciz "devpts"
fs_tmpfs:       .asciz "tmpfs"
at_proc:        .asciz "/proc"
at_sys:         .asciz "/sys"
at_dev:         .asciz "/dev"
at_tmp:         .asciz "/tmp"
at_run:         .asciz "/run"
options_pts:    .asciz "gid=5,mode=620,ptmxmode=666"
options_tmp:    .asciz "mode=1777"
options_run:    .asciz "mode=755"
no_options:     .asciz ""
path_busybox:   .asciz "/bin/busybox"
word_install:   .asciz "--install"
word_symbolic:  .asciz "-s"
word_bin:       .asciz "/bin"
word_ifconfig:  .asciz "ifconfig"
word_lo:        .asciz "lo"
word_up:        .asciz "up"
        .global env_path
env_path:       .asciz "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
env_home:       .asciz "HOME=/root"
        .balign 8
mounts:
        .dword  fs_proc, at_proc, fs_proc, no_options
        .dword  fs_sysfs, at_sys, fs_sysfs, no_options
        .dword  fs_devtmpfs, at_dev, fs_devtmpfs, no_options
        .dword  fs_devpts, path_devpts, fs_devpts, options_pts
        .dword  fs_tmpfs, path_shm, fs_tmpfs, options_tmp
        .dword  fs_tmpfs, at_tmp, fs_tmpfs, options_tmp
        .dword  fs_tmpfs, at_run, fs_tmpfs, options_run
        .dword  0
argv_install:   .dword path_busybox, word_install, word_symbolic, word_bin, 0
argv_loopback:  .dword path_busybox, word_ifconfig, word_lo, word_up, 0
default_environment:
        .dword  env_path, env_home, 0
        .text
