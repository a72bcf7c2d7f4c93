# F and D: known answers with their flags, rounding modes, NaN boxing, and the state in sstatus.FS.

        .equ    NX, 1
        .equ    UF, 2
        .equ    OF, 4
        .equ    DZ, 8
        .equ    NV, 16

        .equ    D_1, 0x3ff0000000000000
        .equ    D_2, 0x4000000000000000
        .equ    D_3, 0x4008000000000000
        .equ    D_M1, 0xbff0000000000000
        .equ    D_0, 0
        .equ    D_M0, 0x8000000000000000
        .equ    D_INF, 0x7ff0000000000000
        .equ    D_MINF, 0xfff0000000000000
        .equ    D_QNAN, 0x7ff8000000000000
        .equ    D_SNAN, 0x7ff0000000000001
        .equ    D_MAX, 0x7fefffffffffffff
        .equ    D_MIN, 0x0010000000000000       # smallest normal
        .equ    D_TINY, 1                       # smallest subnormal
        .equ    S_1, 0x3f800000
        .equ    S_2, 0x40000000
        .equ    S_3, 0x40400000
        .equ    S_INF, 0x7f800000
        .equ    S_QNAN, 0x7fc00000
        .equ    S_SNAN, 0x7f800001
        .equ    S_MAX, 0x7f7fffff

        .macro  fcheck text, value, result, flags
        frflags s4
        expect  \value, \result, "\text"
        expect  s4, \flags, "\text: flags"
        .endm

        # op fd, fs1, fs2 in double precision
        .macro  dd op, a, b, result, flags=0, rm=
        li      s1, \a
        fmv.d.x fa1, s1
        li      s1, \b
        fmv.d.x fa2, s1
        fsflags zero
        .ifb    \rm
        \op     fa0, fa1, fa2
        .else
        \op     fa0, fa1, fa2, \rm
        .endif
        fmv.x.d s3, fa0
        fcheck  "\op \a, \b \rm", s3, \result, \flags
        .endm

        # in single precision; the result is compared with its sign extended
        .macro  ss op, a, b, result, flags=0, rm=
        li      s1, \a
        fmv.w.x fa1, s1
        li      s1, \b
        fmv.w.x fa2, s1
        fsflags zero
        .ifb    \rm
        \op     fa0, fa1, fa2
        .else
        \op     fa0, fa1, fa2, \rm
        .endif
        fmv.x.d s3, fa0                         # boxed
        fcheck  "\op \a, \b \rm", s3, 0xffffffff00000000 | \result, \flags
        .endm

        # rd from two floating sources
        .macro  compare op, a, b, result, flags=0
        li      s1, \a
        fmv.d.x fa1, s1
        li      s1, \b
        fmv.d.x fa2, s1
        fsflags zero
        \op     s3, fa1, fa2
        fcheck  "\op \a, \b", s3, \result, \flags
        .endm

        .macro  to_integer op, a, result, flags=0, rm=rtz
        li      s1, \a
        fmv.d.x fa1, s1
        fsflags zero
        \op     s3, fa1, \rm
        fcheck  "\op \a, \rm", s3, \result, \flags
        .endm

        .macro  fused op, a, b, c, result, flags=0
        li      s1, \a
        fmv.d.x fa1, s1
        li      s1, \b
        fmv.d.x fa2, s1
        li      s1, \c
        fmv.d.x fa3, s1
        fsflags zero
        \op     fa0, fa1, fa2, fa3
        fmv.x.d s3, fa0
        fcheck  "\op \a, \b, \c", s3, \result, \flags
        .endm

        .macro  one op, a, result, flags=0
        li      s1, \a
        fmv.d.x fa1, s1
        fsflags zero
        \op     fa0, fa1
        fmv.x.d s3, fa0
        fcheck  "\op \a", s3, \result, \flags
        .endm

        .macro  class op, move, a, result
        li      s1, \a
        \move   fa1, s1
        fsflags zero
        \op     s3, fa1
        fcheck  "\op \a", s3, \result, 0
        .endm

test "float.off is illegal"
        li      s0, SSTATUS_FS
        csrc    sstatus, s0
        catch   fadd.d fa0, fa0, fa0
        expect_trap CAUSE_ILLEGAL, "scause of fadd.d"
        catch   fmv.x.w a0, fa0
        expect_trap CAUSE_ILLEGAL, "scause of fmv.x.w"
        la      s1, pages
        catch   fld fa0, 0(s1)
        expect_trap CAUSE_ILLEGAL, "scause of fld"
        catch   frflags a0
        expect_trap CAUSE_ILLEGAL, "scause of reading fflags"
        pass

test "float.state is tracked"
        li      s0, SSTATUS_FS
        csrc    sstatus, s0
        li      s1, 1 << 13                     # Initial
        csrs    sstatus, s1
        csrr    s2, sstatus
        and     s3, s2, s0
        expect  s3, 1 << 13, "FS as it was set"
        srli    s2, s2, 63
        expect  s2, 0, "sstatus.SD with FS Initial"
        fmv.x.d a0, fa0                         # reading may dirty it: the specification lets hardware be imprecise that way
        fmv.d.x fa0, zero
        csrr    s2, sstatus
        and     s3, s2, s0
        expect  s3, 3 << 13, "FS after a write"
        srli    s2, s2, 63
        expect  s2, 1, "sstatus.SD with FS Dirty"
        csrc    sstatus, s0
        li      s1, 2 << 13                     # Clean
        csrs    sstatus, s1
        fsflags zero
        csrr    s2, sstatus
        and     s2, s2, s0
        expect  s2, 3 << 13, "FS after writing fflags"
        csrc    sstatus, s0
        csrs    sstatus, s1
        la      s3, pages
        flw     fa0, 0(s3)
        csrr    s2, sstatus
        and     s2, s2, s0
        expect  s2, 3 << 13, "FS after flw"
        pass

test "float.NaN boxing"
        li      s0, 0x3f800000                  # a single that is not boxed is a NaN
        fmv.d.x fa1, s0
        fsflags zero
        fadd.s  fa0, fa1, fa1
        fmv.x.d s1, fa0
        expect  s1, 0xffffffff7fc00000, "fadd.s of unboxed values"
        frflags s1
        expect  s1, 0, "its flags"
        fmv.x.w s1, fa1                         # a move does not care
        expect  s1, 0x3f800000, "fmv.x.w of an unboxed value"
        fsgnj.s fa0, fa1, fa1
        fmv.x.d s1, fa0
        expect  s1, 0xffffffff7fc00000, "fsgnj.s of unboxed values"
        la      s2, pages
        fsw     fa1, 0(s2)
        flw     fa2, 0(s2)
        fmv.x.d s1, fa2
        expect  s1, 0xffffffff3f800000, "flw boxes"
        fmv.w.x fa2, s0
        fmv.x.d s1, fa2
        expect  s1, 0xffffffff3f800000, "fmv.w.x boxes"
        li      s0, 0xbf800000
        fmv.w.x fa2, s0
        fmv.x.w s1, fa2
        expect  s1, 0xffffffffbf800000, "fmv.x.w extends the sign"
        pass

test "float.arithmetic, double"
        dd      fadd.d, D_1, D_2, D_3
        dd      fadd.d, D_1, 0x3ca0000000000000, D_1, NX
        dd      fadd.d, 0x3ff0000000000001, 0x3ca0000000000000, 0x3ff0000000000002, NX
        dd      fadd.d, D_INF, D_MINF, D_QNAN, NV
        dd      fadd.d, D_SNAN, D_1, D_QNAN, NV
        dd      fadd.d, 0x7ff8000000000123, D_1, D_QNAN
        dd      fadd.d, D_1, D_M1, D_0
        dd      fadd.d, D_1, D_M1, D_M0, 0, rdn
        dd      fadd.d, D_MAX, D_MAX, D_INF, OF | NX
        dd      fadd.d, D_MAX, D_MAX, D_MAX, OF | NX, rtz
        dd      fsub.d, D_1, D_3, 0xc000000000000000
        dd      fmul.d, D_3, D_3, 0x4022000000000000
        dd      fmul.d, D_MIN, 0x3fe0000000000000, 0x0008000000000000
        dd      fmul.d, D_TINY, 0x3fe0000000000000, D_0, UF | NX
        dd      fmul.d, D_TINY, 0x3fe0000000000000, D_TINY, UF | NX, rup
        dd      fmul.d, 0x000fffffffffffff, 0x3ff0000000000001, D_MIN, NX, rup
        dd      fmul.d, D_0, D_INF, D_QNAN, NV
        dd      fdiv.d, D_1, D_3, 0x3fd5555555555555, NX
        dd      fdiv.d, D_1, D_3, 0x3fd5555555555556, NX, rup
        dd      fdiv.d, D_1, D_0, D_INF, DZ
        dd      fdiv.d, D_1, D_M0, D_MINF, DZ
        dd      fdiv.d, D_0, D_0, D_QNAN, NV
        dd      fdiv.d, D_INF, D_INF, D_QNAN, NV
        pass

test "float.arithmetic, single"
        ss      fadd.s, S_1, S_2, S_3
        ss      fadd.s, S_1, 0x33800000, S_1, NX
        ss      fadd.s, S_1, 0x33800000, 0x3f800001, NX, rmm
        ss      fadd.s, S_1, 0x33800000, 0x3f800001, NX, rup
        ss      fadd.s, S_SNAN, S_1, S_QNAN, NV
        ss      fmul.s, S_MAX, S_2, S_INF, OF | NX
        ss      fmul.s, S_MAX, S_2, S_MAX, OF | NX, rdn
        ss      fdiv.s, S_1, S_3, 0x3eaaaaab, NX
        ss      fdiv.s, S_1, S_3, 0x3eaaaaaa, NX, rtz
        ss      fsub.s, 0x00800000, 0x00000001, 0x007fffff
        pass

test "float.dynamic rounding"
        fsrmi   2                               # down
        dd      fdiv.d, D_M1, D_3, 0xbfd5555555555556, NX
        fsrmi   1                               # to zero
        dd      fdiv.d, D_M1, D_3, 0xbfd5555555555555, NX
        fsrmi   5                               # reserved
        catch   fadd.d fa0, fa1, fa2
        expect_trap CAUSE_ILLEGAL, "scause with a reserved dynamic mode"
        catch   fadd.d fa0, fa1, fa2, rne
        expect_no_trap "static mode beside a reserved dynamic one"
        fsrmi   0
        catch   .word 0x02c5d553                # fadd.d fa0, fa1, fa2 with static mode 5
        expect_trap CAUSE_ILLEGAL, "scause with a reserved static mode"
        li      s0, 0xff
        fscsr   s0
        frcsr   s1
        expect  s1, 0xff, "fcsr"
        frrm    s1
        expect  s1, 7, "frm"
        fscsr   zero
        pass

test "float.square root"
        one     fsqrt.d, D_2, 0x3ff6a09e667f3bcd, NX
        one     fsqrt.d, 0x4010000000000000, D_2
        one     fsqrt.d, D_M1, D_QNAN, NV
        one     fsqrt.d, D_M0, D_M0
        one     fsqrt.d, D_INF, D_INF
        one     fsqrt.d, D_TINY, 0x1e60000000000000
        pass

test "float.fused multiply and add"
        fused   fmadd.d, D_2, D_3, D_1, 0x401c000000000000
        fused   fmsub.d, D_2, D_3, D_1, 0x4014000000000000
        fused   fnmsub.d, D_2, D_3, D_1, 0xc014000000000000
        fused   fnmadd.d, D_2, D_3, D_1, 0xc01c000000000000
        fused   fmadd.d, 0x3ff0000000000001, 0x3ff0000000000001, 0xbff0000000000002, 0x3970000000000000
        fused   fmadd.d, D_MAX, D_2, D_MINF, D_MINF
        fused   fmadd.d, D_INF, D_0, 0x7ff8000000000000, D_QNAN, NV
        fused   fmadd.d, D_MAX, D_2, 0xffefffffffffffff, D_MAX
        pass

test "float.minimum and maximum"
        dd      fmin.d, D_1, D_M1, D_M1
        dd      fmax.d, D_1, D_M1, D_1
        dd      fmin.d, D_0, D_M0, D_M0
        dd      fmax.d, D_M0, D_0, D_0
        dd      fmin.d, D_QNAN, D_2, D_2
        dd      fmax.d, D_2, D_SNAN, D_2, NV
        dd      fmin.d, D_QNAN, D_QNAN, D_QNAN
        pass

test "float.sign injection"
        dd      fsgnj.d, D_1, D_M1, D_M1
        dd      fsgnjn.d, D_1, D_M1, D_1
        dd      fsgnjx.d, D_M1, D_M1, D_1
        dd      fsgnj.d, D_SNAN, D_M1, 0xfff0000000000001
        pass

test "float.comparisons"
        compare feq.d, D_1, D_1, 1
        compare feq.d, D_0, D_M0, 1
        compare feq.d, D_QNAN, D_1, 0
        compare feq.d, D_SNAN, D_1, 0, NV
        compare flt.d, D_M1, D_1, 1
        compare flt.d, D_M0, D_0, 0
        compare flt.d, D_QNAN, D_1, 0, NV
        compare fle.d, D_M0, D_0, 1
        compare fle.d, D_2, D_1, 0
        compare fle.d, D_1, D_QNAN, 0, NV
        pass

test "float.classes"
        class   fclass.d, fmv.d.x, D_MINF, 1
        class   fclass.d, fmv.d.x, D_M1, 2
        class   fclass.d, fmv.d.x, 0x8000000000000001, 4
        class   fclass.d, fmv.d.x, D_M0, 8
        class   fclass.d, fmv.d.x, D_0, 16
        class   fclass.d, fmv.d.x, D_TINY, 32
        class   fclass.d, fmv.d.x, D_1, 64
        class   fclass.d, fmv.d.x, D_INF, 128
        class   fclass.d, fmv.d.x, D_SNAN, 256
        class   fclass.d, fmv.d.x, D_QNAN, 512
        class   fclass.s, fmv.w.x, S_SNAN, 256
        class   fclass.s, fmv.w.x, 0x80000001, 4
        class   fclass.s, fmv.d.x, D_1, 512     # not boxed
        pass

test "float.to integer"
        to_integer fcvt.w.d, 0xc004000000000000, -2, NX
        to_integer fcvt.w.d, 0xc004000000000000, -3, NX, rdn
        to_integer fcvt.w.d, 0xc004000000000000, -2, NX, rne
        to_integer fcvt.w.d, 0xc004000000000000, -3, NX, rmm
        to_integer fcvt.w.d, 0x41e0000000000000, 0x7fffffff, NV
        to_integer fcvt.w.d, 0xc1e0000000000000, 0xffffffff80000000
        to_integer fcvt.w.d, D_QNAN, 0x7fffffff, NV
        to_integer fcvt.w.d, D_MINF, 0xffffffff80000000, NV
        to_integer fcvt.wu.d, D_M1, 0, NV
        to_integer fcvt.wu.d, 0xbfe0000000000000, 0, NX
        to_integer fcvt.wu.d, 0x41efffffffe00000, 0xffffffffffffffff
        to_integer fcvt.wu.d, 0x41f0000000000000, 0xffffffffffffffff, NV
        to_integer fcvt.l.d, 0x43e0000000000000, 0x7fffffffffffffff, NV
        to_integer fcvt.l.d, 0xc3e0000000000000, 0x8000000000000000
        to_integer fcvt.lu.d, 0x43efffffffffffff, 0xfffffffffffff800
        to_integer fcvt.lu.d, D_INF, 0xffffffffffffffff, NV
        pass

        .macro  from_integer op, a, result, flags=0
        li      s1, \a
        fsflags zero
        \op     fa0, s1
        fmv.x.d s3, fa0
        fcheck  "\op \a", s3, \result, \flags
        .endm

test "float.from integer"
        from_integer fcvt.d.w, -1, D_M1
        from_integer fcvt.d.wu, -1, 0x41efffffffe00000
        from_integer fcvt.d.l, 0x7fffffffffffffff, 0x43e0000000000000, NX
        from_integer fcvt.d.lu, -1, 0x43f0000000000000, NX
        from_integer fcvt.s.w, 0x7fffffff, 0xffffffff4f000000, NX
        from_integer fcvt.s.lu, 3, 0xffffffff40400000
        pass

test "float.between formats"
        one     fcvt.s.d, D_1, 0xffffffff3f800000
        one     fcvt.s.d, 0x3fd5555555555555, 0xffffffff3eaaaaab, NX
        one     fcvt.s.d, D_MAX, 0xffffffff7f800000, OF | NX
        one     fcvt.s.d, D_MIN, 0xffffffff00000000, UF | NX
        one     fcvt.s.d, D_SNAN, 0xffffffff7fc00000, NV
        one     fcvt.d.s, 0xffffffff3f800000, D_1
        one     fcvt.d.s, 0xffffffff00000001, 0x36a0000000000000
        one     fcvt.d.s, 0xffffffff7f800001, D_QNAN, NV
        one     fcvt.d.s, 0x000000003f800000, D_QNAN
        pass
