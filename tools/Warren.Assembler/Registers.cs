namespace Warren.Asm;

/// <summary>Register names, numeric and of the calling convention.</summary>
internal static class Registers
{
    private static readonly string[] IntegerNames =
    [
        "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
        "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
    ];

    private static readonly string[] FloatNames =
    [
        "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
        "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
    ];

    private static readonly Dictionary<string, int> Integers = Index(IntegerNames, 'x', ("fp", 8));
    private static readonly Dictionary<string, int> Floats = Index(FloatNames, 'f');

    public static bool TryInteger(string name, out uint register) => Find(Integers, name, out register);

    public static uint Integer(string name) =>
        TryInteger(name, out var register) ? register : throw new StatementException($"'{name}' is not an integer register");

    public static uint Float(string name) =>
        Find(Floats, name, out var register) ? register : throw new StatementException($"'{name}' is not a floating-point register");

    private static bool Find(Dictionary<string, int> names, string name, out uint register)
    {
        var found = names.TryGetValue(name, out var number);
        register = (uint)number;
        return found;
    }

    private static Dictionary<string, int> Index(string[] names, char prefix, params ReadOnlySpan<(string Name, int Number)> more)
    {
        var index = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < names.Length; i++)
        {
            index.Add(names[i], i);
            index.Add($"{prefix}{i}", i);
        }
        foreach ((var name, var number) in more)
            index.Add(name, number);
        return index;
    }
}
