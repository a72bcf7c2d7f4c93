# Paging: each body runs in every mode that the hart has. The code's gigapage and the lowest (devices) are mapped to themselves.

        .equ    PTE_V, 1
        .equ    PTE_R, 2
        .equ    PTE_W, 4
        .equ    PTE_X, 8
        .equ    PTE_U, 16
        .equ    PTE_A, 64
        .equ    PTE_D, 128
        .equ    PTE_RW, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
        .equ    PTE_RO, PTE_V | PTE_R | PTE_A | PTE_D
        .equ    PTE_XO, PTE_V | PTE_X | PTE_A | PTE_D
        .equ    PTE_RX, PTE_RO | PTE_X
        .equ    PTE_RWX, PTE_RW | PTE_X

        .equ    VA, 0x1900400000                # 100 GiB + 4 MiB
        .equ    FRAMES, 4                       # the first pages are data: FRAME 0..3
        .equ    FRAME0, 0
        .equ    FRAME1, 4096
        .equ    FRAME2, 8192

        # One test a mode from one body.
        .macro  paging_test name:req, body:req
        .irp    bits, 39, 48, 57
        test    "sv\bits.\name"
        li      a0, (\bits - 12) / 9
        call    paging_on
        beqz    a0, none\@\bits
        j       \body
none\@\bits:
        skip    "the hart does not have this mode"
        .endr
\body:
        .endm

        .macro  frame reg, offset
        la      \reg, pages + \offset
        .endm

        # A page (or superpage) of address space onto memory; the address of its entry in a0.
        .macro  map va, pa, flags, level=0
        mv      a1, \pa
        mv      a0, \va
        li      a2, \flags
        li      a3, \level
        call    map_page
        .endm

        # Fetch at the address in a register; returns here on the exception that must follow.
        .macro  catch_fetch reg
        la      t6, back\@
        sd      t6, RESUME(tp)
        sd      \reg, WANTED_EPC(tp)
        li      t6, NO_TRAP
        sd      t6, CAUSE(tp)
        la      ra, back\@
        jr      \reg
        .balign 4
back\@: sd      zero, RESUME(tp)
        .endm

# a0: address, a1: physical, a2: entry flags, a3: level of the leaf -> a0: address of the leaf entry
map_page:
        ld      t0, ROOT(gp)
        ld      t1, LEVELS(gp)
        srli    a1, a1, 12
        slli    a1, a1, 10
        or      a1, a1, a2
1:      addi    t1, t1, -1
        slli    t2, t1, 3
        add     t2, t2, t1
        addi    t2, t2, 12
        srl     t2, a0, t2
        andi    t2, t2, 511
        slli    t2, t2, 3
        add     t0, t0, t2                      # t0: entry
        beq     t1, a3, 3f
        ld      t2, 0(t0)
        andi    t3, t2, PTE_V
        bnez    t3, 2f
        ld      t2, NEXT_PAGE(gp)               # a new table, zeroed
        li      t3, 4096
        add     t3, t3, t2
        sd      t3, NEXT_PAGE(gp)
        mv      t4, t2
4:      sd      zero, 0(t4)
        addi    t4, t4, 8
        bltu    t4, t3, 4b
        srli    t2, t2, 2
        ori     t2, t2, PTE_V
        sd      t2, 0(t0)
2:      srli    t2, t2, 10
        slli    t0, t2, 12
        j       1b
3:      sd      a1, 0(t0)
        mv      a0, t0
        ret

# A new root in ROOT, with the two identity mappings.
new_root:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        ld      t0, NEXT_PAGE(gp)
        sd      t0, ROOT(gp)
        li      t1, 4096
        add     t1, t1, t0
        sd      t1, NEXT_PAGE(gp)
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        map     zero, zero, PTE_RWX, 2
        la      t0, _start
        srli    t0, t0, 30
        slli    t0, t0, 30
        map     t0, t0, PTE_RWX, 2
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

# a0: ASID -> a0: satp for ROOT
make_satp:
        ld      t0, LEVELS(gp)
        addi    t0, t0, 5                       # Sv39 is mode 8
        slli    t0, t0, 60
        slli    a0, a0, 44
        or      a0, a0, t0
        ld      t0, ROOT(gp)
        srli    t0, t0, 12
        or      a0, a0, t0
        ret

# a0: levels -> a0: 1 with paging on, 0 when the mode does not exist (and satp did not change)
paging_on:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        sd      a0, LEVELS(gp)
        la      t0, pages
        li      t1, FRAMES * 4096
        add     t1, t1, t0
        sd      t1, NEXT_PAGE(gp)
1:      sd      zero, 0(t0)                     # fresh data frames
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        call    new_root
        li      a0, 0
        call    make_satp
        sfence.vma
        csrw    satp, a0
        csrr    t0, satp
        sfence.vma
        beq     t0, a0, 2f
        mv      s1, t0
        expect  s1, 0, "satp after a mode that does not exist"
        li      a0, 0
        j       3f
2:      li      a0, 1
3:      ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

test "paging.satp ignores reserved modes"
        li      a0, 3
        call    paging_on
        bnez    a0, 1f
        skip    "no Sv39"
1:      csrr    s0, satp
        li      s1, 7 << 60
        csrw    satp, s1
        csrr    s2, satp
        expect_equal s2, s0, "satp after mode 7"
        li      s1, 15 << 60
        csrw    satp, s1
        csrr    s2, satp
        expect_equal s2, s0, "satp after mode 15"
        pass

paging_test "read and write", body_access
        li      s0, VA
        frame   s1, FRAME0
        map     s0, s1, PTE_RW
        sfence.vma
        li      s2, 0x1122334455667788
        sd      s2, 8(s1)
        ld      s3, 8(s0)
        expect_equal s3, s2, "loaded through the mapping"
        not     s2, s2
        sd      s2, 16(s0)
        ld      s3, 16(s1)
        expect_equal s3, s2, "stored through the mapping"
        amoadd.d s3, s2, (s0)
        expect  s3, 0, "amoadd's old value"
        ld      s3, 0(s1)
        expect_equal s3, s2, "amoadd through the mapping"
        pass

paging_test "page faults", body_faults
        li      s0, VA + 24
        catch   ld a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "scause of a load"
        expect_value s0, "stval of a load"
        catch   sb a0, 1(s0)
        expect_trap CAUSE_STORE_PAGE, "scause of a store"
        addi    s1, s0, 1
        expect_value s1, "stval of a store"
        catch   amoor.d a0, a0, (s0)
        expect_value s0, "stval of an AMO"
        unless_qemu 1f                          # with one hart, its AMO is a load and a store
        expect_trap CAUSE_STORE_PAGE, "scause of an AMO"
1:
        catch   lr.d a0, (s0)
        expect_trap CAUSE_LOAD_PAGE, "scause of lr"
        catch_fetch s0
        expect_trap CAUSE_FETCH_PAGE, "scause of a fetch"
        expect_value s0, "stval of a fetch"
        pass

paging_test "protection", body_protection
        li      s0, VA
        frame   s1, FRAME0
        li      s2, 0x00008067                  # ret
        sw      s2, 0(s1)
        fence.i
        map     s0, s1, PTE_RO
        sfence.vma
        catch   lw a0, 0(s0)
        expect_no_trap "load, read only"
        catch   sw zero, 0(s0)
        expect_trap CAUSE_STORE_PAGE, "store, read only"
        catch_fetch s0
        expect_trap CAUSE_FETCH_PAGE, "fetch, read only"
        map     s0, s1, PTE_XO
        sfence.vma
        catch   lw a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load, execute only"
        catch_fetch s0
        expect_no_trap "fetch, execute only"
        li      s3, SSTATUS_MXR
        csrs    sstatus, s3
        catch   lw a0, 0(s0)
        expect_no_trap "load, execute only, with MXR"
        csrc    sstatus, s3
        catch   lw a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load, execute only, MXR cleared"
        map     s0, s1, PTE_RW
        sfence.vma
        catch_fetch s0
        expect_trap CAUSE_FETCH_PAGE, "fetch, read and write"
        map     s0, s1, PTE_V | PTE_W | PTE_A | PTE_D
        sfence.vma
        catch   sw zero, 0(s0)
        expect_trap CAUSE_STORE_PAGE, "store, write without read (reserved)"
        map     s0, s1, PTE_RWX - PTE_V
        sfence.vma
        catch   lw a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load, V clear"
        pass

paging_test "user and supervisor", body_user
        li      s0, VA
        frame   s1, FRAME0
        map     s0, s1, PTE_RWX | PTE_U
        sfence.vma
        li      s2, 0x0005b503                  # ld a0, 0(a1)
        sw      s2, 0(s1)
        li      s2, 0x00000073                  # ecall
        sw      s2, 4(s1)
        fence.i
        catch   ld a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "S load of a user page"
        catch   sd a0, 8(s0)
        expect_trap CAUSE_STORE_PAGE, "S store to a user page"
        li      s3, SSTATUS_SUM
        csrs    sstatus, s3
        catch_fetch s0
        expect_trap CAUSE_FETCH_PAGE, "S fetch of a user page with SUM"
        catch   lw a0, 4(s0)
        expect_no_trap "S load of a user page with SUM"
        expect  a0, 0x73, "its value"
        unless_qemu 1f                          # its TLB remembers the load's entry as executable
        catch_fetch s0
        expect_trap CAUSE_FETCH_PAGE, "S fetch of a user page after a load with SUM"
1:
        csrc    sstatus, s3
        mv      a1, s0
        run_user s0
        ld      s4, CAUSE(tp)
        expect  s4, CAUSE_ECALL_USER, "U load of a user page"
        expect  a0, 0x000000730005b503, "its value"
        frame   a1, FRAME1
        run_user s0
        ld      s4, CAUSE(tp)
        expect  s4, CAUSE_LOAD_PAGE, "U load of a supervisor page"
        ld      s4, EPC(tp)
        expect_equal s4, s0, "sepc"
        frame   s2, FRAME1
        expect_value s2, "stval"
        run_user s2
        ld      s4, CAUSE(tp)
        expect  s4, CAUSE_FETCH_PAGE, "U fetch of a supervisor page"
        pass

# Either the hart sets A and D, or (Svade) it faults and leaves them.
paging_test "accessed and dirty", body_accessed
        li      s0, VA
        frame   s1, FRAME0
        map     s0, s1, PTE_RW - PTE_A - PTE_D
        mv      s2, a0
        sfence.vma
        catch   ld a0, 0(s0)
        ld      s3, 0(s2)
        andi    s3, s3, PTE_A | PTE_D
        ld      s4, CAUSE(tp)
        li      t0, NO_TRAP
        beq     s4, t0, 1f
        expect  s4, CAUSE_LOAD_PAGE, "load with A clear"
        expect  s3, 0, "A and D after the fault"
        j       2f
1:      expect  s3, PTE_A, "A and D after a load"
2:      map     s0, s1, PTE_RW - PTE_D
        sfence.vma
        ld      a0, 0(s0)                       # the load must not let a later store skip D
        catch   sd a0, 0(s0)
        ld      s3, 0(s2)
        andi    s3, s3, PTE_A | PTE_D
        ld      s4, CAUSE(tp)
        li      t0, NO_TRAP
        beq     s4, t0, 3f
        expect  s4, CAUSE_STORE_PAGE, "store with D clear"
        expect  s3, PTE_A, "A and D after the fault"
        j       4f
3:      expect  s3, PTE_A | PTE_D, "A and D after a store"
4:      map     s0, s1, PTE_RO - PTE_A - PTE_D  # a store that may not happen leaves no trace in D
        sfence.vma
        catch   sd a0, 0(s0)
        expect_trap CAUSE_STORE_PAGE, "store to a read-only page"
        ld      s3, 0(s2)
        andi    s3, s3, PTE_D
        expect  s3, 0, "D after a refused store"
        pass
