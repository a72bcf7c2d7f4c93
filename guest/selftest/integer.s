# M's edges, Zba, Zbb, Zbs: known answers.

        .macro  two op, a, b, result
        li      s1, \a
        li      s2, \b
        \op     s3, s1, s2
        expect  s3, \result, "\op \a, \b"
        .endm

        .macro  unary op, a, result
        li      s1, \a
        \op     s3, s1
        expect  s3, \result, "\op \a"
        .endm

        .macro  shifted op, a, amount, result
        li      s1, \a
        \op     s3, s1, \amount
        expect  s3, \result, "\op \a, \amount"
        .endm

        .equ    LEAST, 0x8000000000000000
        .equ    LEAST_WORD, 0xffffffff80000000

test "integer.multiply and divide"
        two     mul, 0x123456789, 0x987654321, 0x123456789 * 0x987654321
        two     mulh, -1, -1, 0
        two     mulh, LEAST, LEAST, 0x4000000000000000
        two     mulhu, -1, -1, -2
        two     mulhsu, -1, -1, -1
        two     mulhsu, LEAST, -1, LEAST
        two     mulw, 0x7fffffff, 2, -2
        two     div, -7, 2, -3
        two     rem, -7, 2, -1
        two     div, 5, 0, -1
        two     rem, 5, 0, 5
        two     div, LEAST, -1, LEAST
        two     rem, LEAST, -1, 0
        two     divu, -1, 2, 0x7fffffffffffffff
        two     divu, 5, 0, -1
        two     remu, 5, 0, 5
        two     divw, LEAST_WORD, -1, LEAST_WORD
        two     remw, LEAST_WORD, -1, 0
        two     divw, 5, 0, -1
        two     remw, 0x100000005, 0, 5
        two     divuw, -1, 1, -1
        two     remuw, 0xffffffff80000001, 0x80000000, 1
        pass

test "integer.words and shifts"
        two     addw, 0x7fffffff, 1, LEAST_WORD
        two     subw, LEAST_WORD, 1, 0x7fffffff
        two     sll, 1, 0x7f, LEAST
        two     sllw, 1, 0x3f, LEAST_WORD
        two     srlw, LEAST_WORD, 0x21, 0x40000000
        two     sraw, LEAST_WORD, 31, -1
        two     sra, LEAST, 63, -1
        two     slt, -1, 0, 1
        two     sltu, -1, 0, 0
        pass

test "integer.Zba"
        needs   zba
        two     sh1add, 3, 0x1000, 0x1006
        two     sh2add, 3, 0x1000, 0x100c
        two     sh3add, -1, 0x1000, 0xff8
        two     add.uw, -1, 1, 0x100000000
        two     sh1add.uw, -1, 0, 0x1fffffffe
        two     sh2add.uw, 0xffffffff80000000, 4, 0x200000004
        two     sh3add.uw, 0x100000001, 0, 8
        shifted slli.uw, -1, 4, 0xffffffff0
        pass

test "integer.Zbb"
        needs   zbb
        two     andn, 0xff, 0x0f, 0xf0
        two     orn, 0, 0xff, -256
        two     xnor, 0xff, 0x0f, -241
        unary   clz, 1, 63
        unary   clz, 0, 64
        unary   clzw, 0xffffffff00000001, 31
        unary   clzw, 0, 32
        unary   ctz, LEAST, 63
        unary   ctz, 0, 64
        unary   ctzw, 0x100000000, 32
        unary   cpop, -1, 64
        unary   cpopw, 0xffffffff0f0f0000, 8
        two     min, -1, 1, -1
        two     minu, -1, 1, 1
        two     max, -1, 1, 1
        two     maxu, -1, 1, -1
        unary   sext.b, 0x180, -128
        unary   sext.h, 0x18000, -32768
        unary   zext.h, -1, 0xffff
        two     rol, 0x8000000000000001, 65, 3
        two     ror, 1, 1, LEAST
        two     rolw, 0x80000001, 1, 3
        two     rorw, 1, 1, LEAST_WORD
        shifted rori, 0xff, 4, 0xf00000000000000f
        shifted roriw, 0xff, 4, 0xfffffffff000000f
        unary   orc.b, 0x0100800000000010, 0xff00ff00000000ff
        unary   rev8, 0x0102030405060708, 0x0807060504030201
        pass

test "integer.Zbs"
        needs   zbs
        two     bset, 0, 63, LEAST
        two     bclr, -1, 64, -2
        two     binv, 5, 1, 7
        two     bext, 5, 2, 1
        shifted bseti, 0, 40, 0x10000000000
        shifted bclri, -1, 63, 0x7fffffffffffffff
        shifted binvi, 0, 0, 1
        shifted bexti, LEAST, 63, 1
        pass
