# The supervisor binary interface itself.

test "sbi.base"
        sbi     SBI_BASE, 0
        expect  a0, 0, "error of get_spec_version"
        srli    s0, a1, 31
        expect  s0, 0, "bit 31 of the version and above"
        sltiu   s0, a1, 2
        expect  s0, 0, "a version before 0.2"
        sbi     SBI_BASE, 2
        expect  a0, 0, "error of get_impl_version"
        sbi     SBI_BASE, 4
        expect  a0, 0, "error of get_mvendorid"
        sbi     SBI_BASE, 5
        expect  a0, 0, "error of get_marchid"
        sbi     SBI_BASE, 6
        expect  a0, 0, "error of get_mimpid"
        li      a0, SBI_HSM
        sbi     SBI_BASE, 3
        snez    s0, a1
        expect  s0, 1, "HSM is there"
        li      a0, SBI_SRST
        sbi     SBI_BASE, 3
        snez    s0, a1
        expect  s0, 1, "SRST is there"
        li      a0, 0x0a000000 + 0x7777
        sbi     SBI_BASE, 3
        expect  a1, 0, "probe of an extension that does not exist"
        pass

test "sbi.unknown calls are refused"
        sbi     0x0a007777, 0
        expect  a0, -2, "an extension that does not exist"
        sbi     SBI_BASE, 77
        expect  a0, -2, "a function that does not exist"
        sbi     SBI_TIME, 77
        expect  a0, -2, "a function of TIME that does not exist"
        pass

test "sbi.registers are kept"
        li      a2, 102
        li      a3, 103
        li      a4, 104
        li      a5, 105
        li      t0, 200
        li      t1, 201
        li      t2, 202
        li      t3, 203
        li      s2, 302
        li      s11, 311
        mv      s3, ra
        mv      s4, sp
        mv      s5, gp
        mv      s6, tp
        li      a0, SBI_TIME
        sbi     SBI_BASE, 3
        add     s7, a2, a3
        add     s7, s7, a4
        add     s7, s7, a5
        add     s7, s7, t0
        add     s7, s7, t1
        add     s7, s7, t2
        add     s7, s7, t3
        add     s7, s7, s2
        add     s7, s7, s11
        expect  s7, 102 + 103 + 104 + 105 + 200 + 201 + 202 + 203 + 302 + 311, "the sum of ten registers"
        expect  a7, SBI_BASE, "a7"
        expect  a6, 3, "a6"
        expect_equal s3, ra, "ra"
        expect_equal s4, sp, "sp"
        expect_equal s5, gp, "gp"
        expect_equal s6, tp, "tp"
        pass

test "sbi.reset arguments are checked"
        li      a0, 0x77                        # a type that is reserved
        li      a1, 0
        sbi     SBI_SRST, 0
        sltz    s0, a0
        expect  s0, 1, "refused"
        pass

test "sbi.hart states"
        ld      a0, BOOT_HART(gp)
        sbi     SBI_HSM, 2
        expect  a0, 0, "error of hart_get_status"
        expect  a1, 0, "the boot hart's state: started"
        li      a0, 12345
        sbi     SBI_HSM, 2
        expect  a0, -3, "a hart that does not exist"
        li      a0, 12345
        la      a1, _start
        li      a2, 0
        sbi     SBI_HSM, 0
        expect  a0, -3, "starting a hart that does not exist"
        ld      a0, BOOT_HART(gp)
        la      a1, _start
        li      a2, 0
        sbi     SBI_HSM, 0
        expect  a0, -6, "starting a hart that runs"
        pass

test "sbi.debug console"
        ld      t0, HAS_DBCN(gp)
        bnez    t0, 1f
        skip    "no DBCN extension"
1:      li      a0, 0
        la      a1, pages
        li      a2, 0
        sbi     SBI_DBCN, 0
        expect  a0, 0, "error of an empty write"
        expect  a1, 0, "bytes written"
        li      a0, 16
        li      a1, NOWHERE
        li      a2, 0
        sbi     SBI_DBCN, 0
        sltz    s0, a0
        expect  s0, 1, "write from where no memory is, refused"
        la      a1, pages
        li      a0, 0
        li      a2, 0
        sbi     SBI_DBCN, 1
        expect  a0, 0, "error of an empty read"
        pass
