using System.Globalization;

namespace Warren.Lab.Fuzz;

/// <summary>
/// The text of a program, in one line or several: statements that end with ';' or the line, operations with ',' between them, words and
/// numbers between spaces.
/// </summary>
internal static class ProgramText
{
    private static readonly (string Word, VmTraits Trait)[] s_traits =
    [
        ("shadow", VmTraits.Shadow), ("active-count", VmTraits.ActiveCount), ("manual", VmTraits.Manual),
        ("initially-set", VmTraits.InitiallySet), ("ring", VmTraits.Ring), ("ring-bitmap", VmTraits.RingBitmap),
        ("impatient", VmTraits.Impatient), ("tables", VmTraits.Tables), ("unmarked", VmTraits.Unmarked), ("limited", VmTraits.Limited),
    ];

    internal static string Format(FuzzProgram program)
    {
        var statements = new List<string> { $"pages {program.Pages}" };
        if (program.FilePages > 0)
            statements.Add($"file {program.FilePages}");
        if (program.WeakMemory)
            statements.Add("weak");
        foreach (var vm in program.Vms)
            statements.Add(string.Join(' ', ["vm", .. s_traits.Where(t => (vm & t.Trait) != 0).Select(t => t.Word)]));
        if (program.Setup.Count > 0)
            statements.Add($"setup {string.Join(", ", program.Setup)}");
        foreach (var thread in program.Threads)
            statements.Add(thread.Count == 0 ? "thread" : $"thread {string.Join(", ", thread)}");
        return string.Join("; ", statements);
    }

    /// <exception cref="FormatException">It is no program; the message says where.</exception>
    internal static FuzzProgram Parse(string text)
    {
        var program = new FuzzProgram { Vms = [] };
        foreach (var statement in text.Split([';', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            program = With(program, statement);
        if (program.Vms.Count is 0 or > FuzzProgram.MaxVms)
            throw new FormatException($"A program has 1 to {FuzzProgram.MaxVms} VMs, and this one {program.Vms.Count}");
        if (program.Threads.Count is 0 or > FuzzProgram.MaxThreads)
            throw new FormatException($"A program has 1 to {FuzzProgram.MaxThreads} threads, and this one {program.Threads.Count}");
        foreach (var op in program.Setup.Concat(program.ThreadOps))
            CheckRanges(program, op);
        return program.Normalised();
    }

    private static FuzzProgram With(FuzzProgram program, string statement)
    {
        var words = statement.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries);
        var rest = words.Length > 1 ? words[1] : "";
        return words[0] switch
        {
            "pages" => program with { Pages = Number(statement, rest, 1, FuzzProgram.MaxPages) },
            "file" => program with { FilePages = Number(statement, rest, 0, LabPool.FilePages) },
            "weak" when rest.Length == 0 => program with { WeakMemory = true },
            "vm" => program with { Vms = [.. program.Vms, Traits(rest)] },
            "setup" => program with { Setup = [.. program.Setup, .. Ops(rest, isSetup: true)] },
            "thread" => program with { Threads = [.. program.Threads, Ops(rest, isSetup: false)] },
            _ => throw new FormatException(
                $"'{Short(statement)}' is no statement of a program; there are pages, file, weak, vm, setup, thread"),
        };
    }

    private static VmTraits Traits(string text)
    {
        var traits = VmTraits.None;
        foreach (var word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (s_traits.FirstOrDefault(t => t.Word == word) is not { Word: not null } trait)
            {
                throw new FormatException(
                    $"A VM has no option '{Short(word)}'; there are {string.Join(", ", s_traits.Select(t => t.Word))}");
            }
            traits |= trait.Trait;
        }

        return traits;
    }

    private static List<Op> Ops(string text, bool isSetup)
    {
        List<Op> ops = [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Parsed)];
        if (ops.Count > FuzzProgram.MaxOps)
            throw new FormatException($"At most {FuzzProgram.MaxOps} operations stand in a row, and here are {ops.Count}");
        return !isSetup && ops.Find(o => o.Kind.IsForSetup) is { } misplaced
            ? throw new FormatException($"'{misplaced}' stands in a thread, and belongs into the setup") : ops;
    }

    private static Op Parsed(string text)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (OpKinds.Find(words[0]) is not { } kind)
        {
            throw new FormatException(
                $"There is no operation '{Short(words[0])}'; there are {string.Join(", ", OpKinds.All.Select(k => k.Word))}");
        }
        return words.Length - 1 != kind.Arguments.Count
            ? throw new FormatException($"'{Short(text)}' has {words.Length - 1} arguments, and {kind.Word} takes {kind.Arguments.Count}")
            : new Op(kind, [.. words.Skip(1).Select(w => Number(text, w, 0, int.MaxValue))]);
    }

    private static void CheckRanges(FuzzProgram program, Op op)
    {
        for (var i = 0; i < op.Arguments.Count; i++)
        {
            var greatest = program.Greatest(op.Kind.Arguments[i]);
            if (op[i] > greatest)
                throw new FormatException($"'{op}': argument {i + 1} is at most {greatest} here");
        }
    }

    private static int Number(string where, string text, int least, int greatest) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= greatest
        ? number : throw new FormatException($"'{Short(where)}' needs a number from {least} to {greatest}, and has '{Short(text)}'");

    /// <summary>As much as fits a sentence, and nothing that a terminal would obey.</summary>
    private static string Short(string text) =>
        string.Concat(text.Take(40).Select(c => char.IsControl(c) ? '?' : c)) + (text.Length > 40 ? "…" : "");
}
