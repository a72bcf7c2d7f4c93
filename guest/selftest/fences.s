# Code that changes, and cache-block operations.

        # Write `li a0, value; ret` at an address.
        .macro  write_function at, value
        slli    t0, \value, 20
        li      t1, 0x513
        or      t0, t0, t1
        sw      t0, 0(\at)
        li      t0, 0x00008067
        sw      t0, 4(\at)
        .endm

test "fence.i.changed code"
        la      s0, pages
        li      s1, 200
1:      write_function s0, s1
        fence.i
        jalr    s0
        expect_equal a0, s1, "what the function returned"
        addi    s1, s1, -1
        bnez    s1, 1b
        pass

test "fence.i.code changed through another address"
        li      a0, 3
        call    paging_on
        bnez    a0, 1f
        skip    "no Sv39"
1:      la      s0, pages
        li      s1, VA
        li      s2, VA + 0x200000
        map     s1, s0, PTE_RX
        map     s2, s0, PTE_RW
        sfence.vma
        li      s3, 50
2:      write_function s2, s3
        fence.i
        jalr    s1
        expect_equal a0, s3, "what the function returned"
        addi    s3, s3, -1
        bnez    s3, 2b
        pass

test "fence.i.code that changes the code after it"
        la      s0, 1f
        li      t0, 0x02a00513                  # li a0, 42
        sw      t0, 0(s0)
        fence.i
        .balign 4
1:      li      a0, 1
        expect  a0, 42, "the instruction after fence.i"
        li      t0, 0x00100513
        sw      t0, 0(s0)
        fence.i
        pass

test "fences.every kind"
        catch   fence
        expect_no_trap "fence"
        catch   fence rw, w
        expect_no_trap "fence rw, w"
        catch   fence.tso
        expect_no_trap "fence.tso"
        catch   pause
        expect_no_trap "pause, a hint"
        catch   .word 0x0ff0000f | 5 << 7       # reserved fields are ignored
        expect_no_trap "fence with rd"
        pass

test "cache blocks.Zicboz"
        needs   zicboz
        ld      s1, CBOZ_SIZE(gp)
        bnez    s1, 1f
        li      s1, 64
1:      la      s0, pages
        li      t0, 4096
        add     t0, t0, s0
        li      t1, -1
        mv      t2, s0
2:      sd      t1, 0(t2)
        addi    t2, t2, 8
        bltu    t2, t0, 2b
        add     s2, s0, s1                      # the second block
        add     s3, s2, s1
        addi    t3, s3, -1                      # any address in it means it
        cbo.zero (t3)
        mv      t2, s2
3:      ld      t1, 0(t2)
        mv      s4, t1
        expect  s4, 0, "in the block"
        addi    t2, t2, 8
        bltu    t2, s3, 3b
        ld      s4, -8(s2)
        expect  s4, -1, "before the block"
        ld      s4, 0(s3)
        expect  s4, -1, "after the block"
        li      s0, NOWHERE
        catch   cbo.zero (s0)
        expect_trap CAUSE_STORE_ACCESS, "cbo.zero of nothing"
        li      a0, 3
        call    paging_on
        beqz    a0, 4f
        li      s0, VA + 8
        catch   cbo.zero (s0)
        expect_trap CAUSE_STORE_PAGE, "cbo.zero of an unmapped page"
        expect_value s0, "stval"
4:      pass

test "cache blocks.Zicbom"
        needs   zicbom
        la      s0, pages
        li      s1, 0x77
        sd      s1, 0(s0)
        catch   cbo.clean (s0)
        expect_no_trap "cbo.clean"
        catch   cbo.flush (s0)
        expect_no_trap "cbo.flush"
        ld      s2, 0(s0)
        expect_equal s2, s1, "memory afterwards"
        catch   cbo.inval (s0)
        expect_no_trap "cbo.inval"
        pass
