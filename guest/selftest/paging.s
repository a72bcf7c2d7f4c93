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

paging_test "superpages", body_superpages
        li      s0, 1                           # level
1:      slli    s1, s0, 3
        add     s1, s1, s0
        addi    s1, s1, 12                      # log2 of its size
        li      s2, 5
        sll     s2, s2, s1
        li      t0, 3
        bgeu    s0, t0, 2f
        li      t0, 100 << 30
        add     s2, s2, t0
2:      frame   s3, FRAME0                      # s2: address, s4: the aligned memory around s3
        srl     s4, s3, s1
        sll     s4, s4, s1
        mv      a0, s2
        mv      a1, s4
        li      a2, PTE_RW
        mv      a3, s0
        call    map_page
        mv      s5, a0
        sfence.vma
        sub     s6, s3, s4
        add     s6, s6, s2
        addi    s7, s0, 0x700
        sd      s7, 40(s3)
        catch   ld s8, 40(s6)
        expect_no_trap "load through a superpage"
        expect_equal s8, s7, "its value"
        ld      t0, 0(s5)
        ori     t0, t0, 1 << 10                 # not aligned to its size
        sd      t0, 0(s5)
        sfence.vma
        catch   ld s8, 40(s6)
        expect_trap CAUSE_LOAD_PAGE, "load through a misaligned superpage"
        sd      zero, 0(s5)
        sfence.vma
        addi    s0, s0, 1
        ld      t0, LEVELS(gp)
        bltu    s0, t0, 1b
        pass

paging_test "canonical addresses", body_canonical
        ld      t0, LEVELS(gp)
        slli    t1, t0, 3
        add     t1, t1, t0
        addi    t1, t1, 11                      # the highest translated bit
        li      s0, 1
        sll     s0, s0, t1
        catch   ld a0, 0(s0)                    # that bit alone: not sign extended
        expect_trap CAUSE_LOAD_PAGE, "load above the lower half"
        expect_value s0, "stval"
        catch   sd a0, 0(s0)
        expect_trap CAUSE_STORE_PAGE, "store above the lower half"
        neg     s0, s0                          # the first address of the upper half
        frame   s1, FRAME0
        map     s0, s1, PTE_RW
        sfence.vma
        li      s2, 0x55
        sd      s2, 0(s1)
        catch   ld s3, 0(s0)
        expect_no_trap "load in the upper half"
        expect_equal s3, s2, "its value"
        li      t0, 1 << 62
        xor     s0, s0, t0
        catch   ld s3, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load with bit 62 flipped"
        pass

paging_test "sfence.vma", body_sfence
        li      s0, VA
        frame   s1, FRAME0
        frame   s2, FRAME1
        li      t0, 100
        sd      t0, 0(s1)
        li      t0, 101
        sd      t0, 0(s2)
        map     s0, s1, PTE_RW
        sfence.vma
        ld      s3, 0(s0)
        expect  s3, 100, "first mapping"
        map     s0, s2, PTE_RW
        sfence.vma s0, zero
        ld      s3, 0(s0)
        expect  s3, 101, "after sfence.vma of the address"
        map     s0, s1, PTE_RW
        sfence.vma s0, zero
        sd      zero, 0(s0)
        ld      s3, 0(s1)
        expect  s3, 0, "store after sfence.vma of the address"
        map     s0, s1, PTE_RO
        sfence.vma zero, zero
        catch   sd s3, 0(s0)
        expect_trap CAUSE_STORE_PAGE, "store after write permission went"
        sd      zero, 0(a0)
        li      s4, 0
        sfence.vma zero, s4
        csrr    t0, satp
        catch   ld s3, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load after the entry went, sfence.vma of the ASID"
        pass

paging_test "address space identifiers", body_asid
        li      a0, 0xffff
        call    make_satp
        csrw    satp, a0
        csrr    s0, satp
        slli    s0, s0, 4
        srli    s0, s0, 48
        li      t0, 3
        bgeu    s0, t0, 1f
        skip    "fewer than two bits of ASID"
1:      addi    t0, s0, 1                       # implemented bits are the low ones
        and     t0, t0, s0
        mv      s1, t0
        expect  s1, 0, "ASID bits with gaps"
        li      s0, VA
        frame   s1, FRAME0
        frame   s2, FRAME1
        li      t0, 200
        sd      t0, 0(s1)
        li      t0, 201
        sd      t0, 0(s2)
        map     s0, s1, PTE_RW
        mv      s5, a0
        li      a0, 1
        call    make_satp
        mv      s3, a0
        call    new_root
        map     s0, s2, PTE_RW
        li      a0, 2
        call    make_satp
        mv      s4, a0
        sfence.vma
        li      s7, 3                           # no fence between: entries of one must not serve the other
2:      csrw    satp, s3
        ld      s6, 0(s0)
        expect  s6, 200, "through ASID 1"
        csrw    satp, s4
        ld      s6, 0(s0)
        expect  s6, 201, "through ASID 2"
        addi    s7, s7, -1
        bnez    s7, 2b
        sd      zero, 0(s5)                     # take the mapping out of ASID 1
        li      t0, 1
        sfence.vma s0, t0
        csrw    satp, s3
        catch   ld s6, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "through ASID 1 after sfence.vma"
        csrw    satp, s4
        ld      s6, 0(s0)
        expect  s6, 201, "through ASID 2 afterwards"
        pass

paging_test "reserved bits", body_reserved
        unless_qemu 3f                          # 7.2 lets them pass with Svpbmt or Svnapot
        j       4f
3:      skip    "QEMU does not check them all"
4:
        li      s0, VA
        frame   s1, FRAME0
        map     s0, s1, PTE_RW
        mv      s2, a0
        ld      s3, 0(s2)
        li      s4, 54
1:      li      t0, 1
        sll     t0, t0, s4
        or      t0, t0, s3
        sd      t0, 0(s2)
        sfence.vma
        catch   ld a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "entry with a bit of 60..54"
        addi    s4, s4, 1
        li      t0, 61
        bltu    s4, t0, 1b
        li      t0, PTE_V                       # a pointer at the last level
        sd      t0, 0(s2)
        sfence.vma
        catch   ld a0, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "pointer at the last level"
        sd      s3, 0(s2)
        li      s5, VA                          # D in a pointer
        ld      t0, ROOT(gp)
        ld      t1, LEVELS(gp)
        addi    t1, t1, -1
        slli    t2, t1, 3
        add     t2, t2, t1
        addi    t2, t2, 12
        srl     t2, s5, t2
        andi    t2, t2, 511
        slli    t2, t2, 3
        add     s6, t0, t2
        ld      s7, 0(s6)
        ld      t1, LEVELS(gp)
        li      t2, 3
        bgtu    t1, t2, 2f                      # there the root's entry also maps this code
        ori     t0, s7, PTE_D
        sd      t0, 0(s6)
        sfence.vma
        catch   ld a0, 0(s0)
        sd      s7, 0(s6)
        sfence.vma
        expect_trap CAUSE_LOAD_PAGE, "D in a pointer"
2:      pass

paging_test "accesses across pages", body_crossing
        li      s0, VA
        frame   s1, FRAME0
        frame   s2, FRAME2
        map     s0, s1, PTE_RWX
        li      s3, VA + 4096
        map     s3, s2, PTE_RWX
        mv      s4, a0
        sfence.vma
        addi    s5, s3, -3
        li      s6, 0x1122334455667788
        catch   sd s6, 0(s5)
        ld      t0, CAUSE(tp)
        li      t1, CAUSE_STORE_MISALIGNED
        beq     t0, t1, 1f                      # then there are no such accesses
        expect_no_trap "store"
        ld      s7, 0(s2)
        expect  s7, 0x1122334455, "its second part"
        li      t0, 4093
        add     t0, t0, s1
        lbu     s7, 0(t0)
        expect  s7, 0x88, "its first byte"
        ld      s7, 0(s5)
        expect_equal s7, s6, "load"
        sd      zero, 0(s4)
        sfence.vma
        catch   ld s7, 0(s5)
        expect_trap CAUSE_LOAD_PAGE, "load with the second page absent"
        expect_value s3, "stval: the part that faults"
        catch   sd s6, 0(s5)
        expect_trap CAUSE_STORE_PAGE, "store with the second page absent"
        expect_value s3, "stval of the store"
1:      map     s3, s2, PTE_RWX
        sfence.vma
        li      t0, 4094                        # addi a0, zero, 77, two bytes on either side; ret
        add     t0, t0, s1
        li      t1, 0x0513
        sh      t1, 0(t0)
        li      t1, 0x04d0
        sh      t1, 0(s2)
        li      t1, 0x8067
        sh      t1, 2(s2)
        sh      zero, 4(s2)
        fence.i
        addi    s5, s3, -2
        li      a0, 0
        catch_fetch s5
        expect_no_trap "fetch"
        expect  a0, 77, "what it executed"
        map     s3, s2, 0
        sfence.vma
        catch_fetch s5
        expect_trap CAUSE_FETCH_PAGE, "fetch with the second page absent"
        expect_value s3, "stval of the fetch"
        pass

paging_test "contiguous pages (Svnapot)", body_napot
        needs   svnapot
        li      s0, VA                          # 64 KiB aligned
        la      s1, pages
        srli    s1, s1, 16
        slli    s1, s1, 16
        frame   s2, FRAME1
        sub     s3, s2, s1
        li      t0, 1 << 16                     # within the 64 KiB around `pages`?
        bltu    s3, t0, 1f
        li      t0, 1 << 16
        add     s1, s1, t0
        sub     s3, s2, s1
1:      li      t0, 0x8000                      # the low four bits of the frame number are 1000
        add     a1, s1, t0
        add     a0, s0, s3
        li      a2, PTE_RW | 1 << 63
        li      a3, 0
        call    map_page
        sfence.vma
        li      s4, 0x4e41
        sd      s4, 8(s2)
        add     s5, s0, s3
        catch   ld s6, 8(s5)
        expect_no_trap "load"
        expect_equal s6, s4, "its value"
        pass

paging_test "memory types (Svpbmt)", body_pbmt
        needs   svpbmt
        li      s0, VA
        frame   s1, FRAME0
        li      s4, 0x5042
        sd      s4, 0(s1)
        map     s0, s1, PTE_RW | 1 << 61
        sfence.vma
        catch   ld s6, 0(s0)
        expect_no_trap "load, not cacheable"
        expect_equal s6, s4, "its value"
        unless_qemu 1f                          # 7.2 takes the reserved type for memory
        map     s0, s1, PTE_RW | 3 << 61
        sfence.vma
        catch   ld s6, 0(s0)
        expect_trap CAUSE_LOAD_PAGE, "load, reserved type"
1:      pass

paging_test "invalidation in batches (Svinval)", body_inval
        needs   svinval
        li      s0, VA
        frame   s1, FRAME0
        frame   s2, FRAME1
        li      t0, 300
        sd      t0, 0(s2)
        map     s0, s1, PTE_RW
        sfence.vma
        ld      s3, 0(s0)
        map     s0, s2, PTE_RW
        sfence.w.inval
        sinval.vma s0, zero
        sfence.inval.ir
        ld      s3, 0(s0)
        expect  s3, 300, "after the batch"
        pass
