# Paging, continued: the shapes of tables, fences, address spaces, reserved bits, and the optional extensions.

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
