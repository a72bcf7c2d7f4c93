namespace Warren.Asm;

/// <summary>
/// Where the bits of an immediate go in an instruction word (unprivileged specification, "Immediate Encoding Variants" and the C chapter).
/// </summary>
internal static class Immediate
{
    public static long Low12(long value) => (value << 52) >> 52;

    public static uint I(long v) => (uint)(v & 0xfff) << 20;

    public static uint S(long v) => (Range(v, 11, 5) << 25) | (Range(v, 4, 0) << 7);

    public static uint U(long v) => (uint)(v & 0xfffff) << 12;

    public static uint B(long v) => (Range(v, 12, 12) << 31) | (Range(v, 10, 5) << 25) | (Range(v, 4, 1) << 8) | (Range(v, 11, 11) << 7);

    public static uint J(long v) =>
        (Range(v, 20, 20) << 31) | (Range(v, 10, 1) << 21) | (Range(v, 11, 11) << 20) | (Range(v, 19, 12) << 12);

    public static uint CSigned6(long v) => (Range(v, 5, 5) << 12) | (Range(v, 4, 0) << 2);

    public static uint CAddi16Sp(long v) =>
        (Range(v, 9, 9) << 12) | (Range(v, 4, 4) << 6) | (Range(v, 6, 6) << 5) | (Range(v, 8, 7) << 3) | (Range(v, 5, 5) << 2);

    public static uint CAddi4Spn(long v) =>
        (Range(v, 5, 4) << 11) | (Range(v, 9, 6) << 7) | (Range(v, 2, 2) << 6) | (Range(v, 3, 3) << 5);

    public static uint CWord(long v) => (Range(v, 5, 3) << 10) | (Range(v, 2, 2) << 6) | (Range(v, 6, 6) << 5);

    public static uint CDouble(long v) => (Range(v, 5, 3) << 10) | (Range(v, 7, 6) << 5);

    public static uint CLoadWordSp(long v) => (Range(v, 5, 5) << 12) | (Range(v, 4, 2) << 4) | (Range(v, 7, 6) << 2);

    public static uint CLoadDoubleSp(long v) => (Range(v, 5, 5) << 12) | (Range(v, 4, 3) << 5) | (Range(v, 8, 6) << 2);

    public static uint CStoreWordSp(long v) => (Range(v, 5, 2) << 9) | (Range(v, 7, 6) << 7);

    public static uint CStoreDoubleSp(long v) => (Range(v, 5, 3) << 10) | (Range(v, 8, 6) << 7);

    public static uint CBranch(long v) =>
        (Range(v, 8, 8) << 12) | (Range(v, 4, 3) << 10) | (Range(v, 7, 6) << 5) | (Range(v, 2, 1) << 3) | (Range(v, 5, 5) << 2);

    public static uint CJump(long v) =>
        (Range(v, 11, 11) << 12) | (Range(v, 4, 4) << 11) | (Range(v, 9, 8) << 9) | (Range(v, 10, 10) << 8)
        | (Range(v, 6, 6) << 7) | (Range(v, 7, 7) << 6) | (Range(v, 3, 1) << 3) | (Range(v, 5, 5) << 2);

    private static uint Range(long value, int high, int low) => (uint)(value >> low) & ((1u << (high - low + 1)) - 1);
}
