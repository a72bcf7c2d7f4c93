# A: load-reserved, store-conditional, and every AMO at both widths.

test "atomics.lr sc"
        la      s0, pages
        li      s1, 41
        sd      s1, 0(s0)
        lr.d    s2, (s0)
        expect  s2, 41, "loaded"
        addi    s2, s2, 1
        sc.d    s3, s2, (s0)
        expect  s3, 0, "store-conditional after load-reserved"
        ld      s2, 0(s0)
        expect  s2, 42, "stored"
        sc.d    s3, s2, (s0)
        beqz    s3, 1f
        li      s3, 1
1:      expect  s3, 1, "store-conditional without a reservation"
        lr.w    s2, (s0)
        li      s1, -7
        sc.w    s3, s1, (s0)
        expect  s3, 0, "sc.w"
        lr.w    s2, (s0)
        expect  s2, -7, "lr.w extends the sign"
        pass

test "atomics.sc elsewhere fails"
        la      s0, pages
        li      s1, 2048
        add     s1, s1, s0
        sd      zero, 0(s0)
        sd      zero, 0(s1)
        lr.d    s2, (s0)
        li      s3, 5
        sc.d    s4, s3, (s1)
        beqz    s4, 1f
        li      s4, 1
1:      expect  s4, 1, "store-conditional to another address"
        ld      s2, 0(s1)
        expect  s2, 0, "memory there"
        sc.d    s4, s3, (s0)                    # that sc used the reservation up
        beqz    s4, 2f
        li      s4, 1
2:      expect  s4, 1, "second store-conditional"
        pass

        .macro  amo op, before, operand, after
        li      s1, \before
        sd      s1, 0(s0)
        li      s2, \operand
        \op     s3, s2, (s0)
        expect  s3, \before, "\op: old value"
        ld      s3, 0(s0)
        expect  s3, \after, "\op: new value"
        .endm

test "atomics.amo double"
        la      s0, pages
        amo     amoswap.d, 0x123456789abcdef0, -1, -1
        amo     amoadd.d.aqrl, 0x7fffffffffffffff, 1, 0x8000000000000000
        amo     amoxor.d, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xf0f0f0f0f0f0f0f0
        amo     amoand.d, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0x0f000f000f000f00
        amo     amoor.d, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xfff0fff0fff0fff0
        amo     amomin.d, -5, 3, -5
        amo     amomax.d, -5, 3, 3
        amo     amominu.d.aq, -5, 3, 3
        amo     amomaxu.d.rl, -5, 3, -5
        pass

        # The word at the address, with its neighbour's bytes beside it untouched; the old value is sign extended.
        .macro  amow op, before, operand, after
        li      s1, 0x5a5a5a5a00000000 | \before
        sd      s1, 0(s0)
        li      s2, \operand
        \op     s3, s2, (s0)
        expect  s3, ((\before) << 32 >> 32) | -((\before) >> 31 & 1) << 32, "\op: old value"
        ld      s3, 0(s0)
        expect  s3, 0x5a5a5a5a00000000 | \after, "\op: new value"
        .endm

test "atomics.amo word"
        la      s0, pages
        amow    amoswap.w, 0x80000001, 0x12345678, 0x12345678
        amow    amoadd.w, 0x7fffffff, 1, 0x80000000
        amow    amoadd.w, 0xffffffff, 1, 0
        amow    amoxor.w, 0xff00ff00, 0x0ff00ff0, 0xf0f0f0f0
        amow    amoand.w, 0xff00ff00, 0x0ff00ff0, 0x0f000f00
        amow    amoor.w, 0xff00ff00, 0x0ff00ff0, 0xfff0fff0
        amow    amomin.w, 0xfffffffb, 3, 0xfffffffb
        amow    amomax.w, 0xfffffffb, 3, 3
        amow    amominu.w, 0xfffffffb, 3, 3
        amow    amomaxu.w, 0xfffffffb, 3, 0xfffffffb
        amow    amomaxu.w, 0x00000001, -1, 0xffffffff
        pass
