using System.Text;

namespace Warren.RiscV.Tests.Differential;

/// <summary>
/// Seeded random code that always ends and never traps: straight lines, forward branches, counted loops, calls, and memory accesses
/// around gp. It may clobber every register but gp, the middle of its scratch page, and tp, the loop counter.
/// </summary>
internal sealed class RandomBody(int seed)
{
    private const int MemoryReach = 512;

    private static readonly string[] Binary =
    [
        "add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and", "addw", "subw", "sllw", "srlw", "sraw",
        "mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu", "mulw", "divw", "divuw", "remw", "remuw",
        "sh1add", "sh2add", "sh3add", "sh1add.uw", "sh2add.uw", "sh3add.uw", "add.uw", "andn", "orn", "xnor",
        "min", "max", "minu", "maxu", "rol", "ror", "rolw", "rorw", "bclr", "bext", "binv", "bset",
    ];

    private static readonly string[] Unary = ["clz", "ctz", "cpop", "clzw", "cpopw", "sext.b", "sext.h", "zext.h", "rev8", "orc.b"];
    private static readonly string[] Immediate = ["addi", "slti", "sltiu", "xori", "ori", "andi", "addiw"];
    private static readonly string[] Shift = ["slli", "srli", "srai", "rori", "slli.uw", "bclri", "bexti", "binvi", "bseti"];
    private static readonly string[] WordShift = ["slliw", "srliw", "sraiw", "roriw"];
    private static readonly string[] Branches = ["beq", "bne", "blt", "bge", "bltu", "bgeu"];
    private static readonly string[] Loads = ["lb", "lbu", "lh", "lhu", "lw", "lwu", "ld"];
    private static readonly string[] Stores = ["sb", "sh", "sw", "sd"];
    private static readonly string[] Amos =
        ["amoswap", "amoadd", "amoxor", "amoand", "amoor", "amomin", "amomax", "amominu", "amomaxu"];

    private static readonly string[] Ordering = ["", ".aq", ".rl", ".aqrl"];
    private static readonly string[] FloatBinary = ["fadd", "fsub", "fmul", "fdiv"];
    private static readonly string[] FloatTernary = ["fmadd", "fmsub", "fnmsub", "fnmadd"];
    private static readonly string[] FloatSelect = ["fsgnj", "fsgnjn", "fsgnjx", "fmin", "fmax"];
    private static readonly string[] FloatCompare = ["feq", "flt", "fle"];
    private static readonly string[] Integers = ["w", "wu", "l", "lu"];
    private static readonly string[] Rounding = ["", ", rne", ", rtz", ", rdn", ", rup", ", rmm", ", dyn"];

    private readonly Random random = new(seed);
    private readonly StringBuilder text = new();
    private int labels;

    /// <summary>The program's lines, about <paramref name="items"/> of them.</summary>
    public string Generate(int items)
    {
        for (var i = 0; i < items; i++)
            Item(mayNest: true);

        return text.ToString();
    }

    private void Item(bool mayNest)
    {
        var kind = random.Next(mayNest ? 100 : 78);
        switch (kind)
        {
            case < 16:
                Line($"{Any(Binary)} {Destination()}, {Source()}, {Source()}");
                break;
            case < 20:
                Line($"{Any(Unary)} {Destination()}, {Source()}");
                break;
            case < 28:
                Line($"{Any(Immediate)} {Destination()}, {Source()}, {random.Next(-2048, 2048) >> random.Next(10)}");
                break;
            case < 32:
                Line($"{Any(Shift)} {Destination()}, {Source()}, {random.Next(64)}");
                break;
            case < 34:
                Line($"{Any(WordShift)} {Destination()}, {Source()}, {random.Next(32)}");
                break;
            case < 37:
                Line($"{(random.Next(2) == 0 ? "lui" : "auipc")} {Destination()}, 0x{random.Next(1 << 20):x}");
                break;
            case < 45:
                Memory();
                break;
            case < 49:
                Atomic();
                break;
            case < 52:
                ControlRegister();
                break;
            case < 78:
                Float();
                break;
            case < 88:
                ForwardBranch();
                break;
            case < 94:
                Loop();
                break;
            default:
                Jump();
                break;
        }
    }

    private void Memory()
    {
        var address = Address(alignment: 1);
        switch (random.Next(6))
        {
            case 0 or 1:
                Line($"{Any(Loads)} {Destination()}, {address}");
                break;
            case 2 or 3:
                Line($"{Any(Stores)} {Source()}, {address}");
                break;
            case 4:
                Line($"{(random.Next(2) == 0 ? "flw" : "fld")} {FloatRegister()}, {address}");
                break;
            default:
                Line($"{(random.Next(2) == 0 ? "fsw" : "fsd")} {FloatRegister()}, {address}");
                break;
        }
    }

    private void Atomic()
    {
        (var width, var size) = random.Next(2) == 0 ? (".w", 4) : (".d", 8);
        var address = Pointer(size);
        if (random.Next(4) != 0)
        {
            Line($"{Any(Amos)}{width}{Any(Ordering)} {Destination()}, {Source()}, ({address})");
            return;
        }

        // The pair must not come apart: an LR whose destination is the pointer would.
        string loaded;
        do
        {
            loaded = Destination();
        }
        while (loaded == address);
        Line($"lr{width}{Any(Ordering)} {loaded}, ({address})");
        Line($"sc{width}{Any(Ordering)} {Destination()}, {Source()}, ({address})");
    }

    private void ControlRegister()
    {
        var operation = Any("csrrw", "csrrs", "csrrc");
        switch (random.Next(4))
        {
            case 0:
                Line($"{operation} {Destination()}, fflags, {Source()}");
                break;
            case 1:
                Line($"{operation}i {Destination()}, fflags, {random.Next(32)}");
                break;
            case 2:
                Line($"csrrwi {Destination()}, frm, {random.Next(5)}");
                break;
            default:
                Line($"csrrsi {Destination()}, {Any("fcsr", "frm", "fflags")}, 0");
                break;
        }
    }

    private void Float()
    {
        var format = Any("s", "d");
        string F() => FloatRegister();
        var rm = Any(Rounding);
        switch (random.Next(12))
        {
            case < 4:
                Line($"{Any(FloatBinary)}.{format} {F()}, {F()}, {F()}{rm}");
                break;
            case 4:
                Line($"{Any(FloatTernary)}.{format} {F()}, {F()}, {F()}, {F()}{rm}");
                break;
            case 5:
                Line($"fsqrt.{format} {F()}, {F()}{rm}");
                break;
            case 6:
                Line($"{Any(FloatSelect)}.{format} {F()}, {F()}, {F()}");
                break;
            case 7:
                Line($"{Any(FloatCompare)}.{format} {Destination()}, {F()}, {F()}");
                break;
            case 8:
                Line($"fcvt.{Any(Integers)}.{format} {Destination()}, {F()}{rm}");
                break;
            case 9:
                var integer = Any(Integers);
                Line($"fcvt.{format}.{integer} {F()}, {Source()}{(format == "d" && integer[0] == 'w' ? "" : rm)}");
                break;
            case 10:
                Line(random.Next(2) == 0 ? $"fcvt.s.d {F()}, {F()}{rm}" : $"fcvt.d.s {F()}, {F()}");
                break;
            default:
                Line(random.Next(5) switch
                {
                    0 => $"fmv.x.w {Destination()}, {F()}",
                    1 => $"fmv.w.x {F()}, {Source()}",
                    2 => $"fmv.x.d {Destination()}, {F()}",
                    3 => $"fmv.d.x {F()}, {Source()}",
                    _ => $"fclass.{format} {Destination()}, {F()}",
                });
                break;
        }
    }

    private void ForwardBranch()
    {
        var target = Label();
        Line($"{Any(Branches)} {Source()}, {Source()}, {target}");
        Several(4);
        Place(target);
    }

    private void Loop()
    {
        var head = Label();
        Line($"li tp, {random.Next(1, 8)}");
        Place(head);
        Several(8);
        Line("addi tp, tp, -1");
        Line($"bnez tp, {head}");
    }

    private void Jump()
    {
        var target = Label();
        if (random.Next(2) == 0)
        {
            Line($"jal {Destination()}, {target}");
        }
        else
        {
            // Bit 0 of the computed target is ignored.
            var pointer = PointerRegister();
            var offset = random.Next(-2048, 2047);
            Line($"la {pointer}, {target} - ({offset})");
            Line($"jalr {Destination()}, {offset + random.Next(2)}({pointer})");
        }

        Several(3);
        Place(target);
    }

    private void Several(int most)
    {
        for (var i = random.Next(1, most + 1); i > 0; i--)
            Item(mayNest: false);
    }

    /// <summary>An operand within reach of gp, through gp itself or through a register pointed there by data.</summary>
    private string Address(int alignment)
        => random.Next(3) != 0 ? $"{random.Next(-MemoryReach, MemoryReach)}(gp)" : $"{random.Next(64)}({Pointer(alignment)})";

    private string Pointer(int alignment)
    {
        var pointer = PointerRegister();
        Line($"andi {pointer}, {Source()}, {(MemoryReach - 1) & ~(alignment - 1)}");
        Line($"add {pointer}, {pointer}, gp");
        return pointer;
    }

    private string PointerRegister() => $"x{random.Next(5, 32)}";

    private string Destination()
    {
        var register = random.Next(32);
        return register is 3 or 4 ? "x0" : $"x{register}";
    }

    private string Source() => $"x{random.Next(32)}";

    private string FloatRegister() => $"f{random.Next(32)}";

    private string Any(params ReadOnlySpan<string> choices) => choices[random.Next(choices.Length)];

    private string Label() => $"L{(uint)seed}_{labels++}";

    private void Place(string label) => text.Append(label).Append(":\n");

    private void Line(string line) => text.Append("        ").Append(line).Append('\n');
}
