using System.Globalization;
using Warren.Locking;

namespace Warren.Lab.Reports;

/// <summary>The meaning of a step to a reader: its colour, and a class name in the page.</summary>
public enum StepKind
{
    Lock,
    Unlock,
    Srcu,
    Wait,
    Sequence,
    Read,
    Write,
    Order,
    Mark,
}

/// <summary>A step in words.</summary>
public static class StepWords
{
    private const long GreatestDecimal = 99_999;

    public static StepKind Kind(TraceStep step) => step.Operation switch
    {
        CheckOperation.LockAcquire or CheckOperation.LockTryAcquire or CheckOperation.LockDowngrade or CheckOperation.MapEnter =>
            StepKind.Lock,
        CheckOperation.LockRelease or CheckOperation.MapLeave => StepKind.Unlock,
        CheckOperation.SrcuReadLock or CheckOperation.SrcuReadUnlock or CheckOperation.SrcuSynchronize or CheckOperation.SrcuCall
            or CheckOperation.SrcuBarrier or CheckOperation.SrcuCallbacks => StepKind.Srcu,
        CheckOperation.WaitPrepare or CheckOperation.WaitSleep or CheckOperation.WaitFinish or CheckOperation.WaitWakeUp
            or CheckOperation.WaitProbe => StepKind.Wait,
        CheckOperation.SequenceReadBegin or CheckOperation.SequenceReadRetry or CheckOperation.SequenceWriteBegin
            or CheckOperation.SequenceWriteEnd => StepKind.Sequence,
        CheckOperation.AtomicRead or CheckOperation.PlainRead => StepKind.Read,
        CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate or CheckOperation.PlainWrite => StepKind.Write,
        CheckOperation.None or CheckOperation.Mark => StepKind.Mark,
        _ => StepKind.Order,
    };

    /// <summary>True when the step did not get what it was for; a look that finds nobody waiting is none of these.</summary>
    public static bool Failed(TraceStep step) => !step.Succeeded && step.Operation != CheckOperation.WaitProbe;

    /// <summary>True when another thread could see that the step was made.</summary>
    public static bool Changes(TraceStep step) => step.Operation is not (CheckOperation.AtomicRead or CheckOperation.PlainRead
        or CheckOperation.SequenceReadBegin or CheckOperation.SequenceReadRetry or CheckOperation.Fence or CheckOperation.Relax
        or CheckOperation.WaitProbe or CheckOperation.MightWait or CheckOperation.AssertHeld or CheckOperation.AssertNoneHeld
        or CheckOperation.Mark);

    /// <summary>The verb with its object and what came of it, without the note: "write-lock mmu_lock#1, waits".</summary>
    public static string Sentence(TraceStep step)
    {
        var subject = step.Subject.Length > 0 ? " " + step.Subject : "";
        return Verb(step) + subject + Outcome(step);
    }

    /// <summary>Small numbers in decimal, the rest (addresses, entries) in hexadecimal.</summary>
    public static string Number(long value) => value is >= -GreatestDecimal and <= GreatestDecimal
        ? value.ToString(CultureInfo.InvariantCulture)
        : "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    private static string Value(TraceStep step) => Value(step.Value, step.Meaning);

    private static string Value(long value, string meaning) => meaning.Length > 0 ? meaning : Number(value);

    /// <summary>"File.cs:123" of <see cref="TraceStep.Source"/>.</summary>
    public static string Place(TraceStep step)
    {
        var end = step.Source.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? step.Source : step.Source[..end];
    }

    private static string Verb(TraceStep step) => step.Operation switch
    {
        CheckOperation.LockAcquire => Mode(step.Mode) + "lock",
        CheckOperation.LockTryAcquire => "try " + Mode(step.Mode) + "lock",
        CheckOperation.LockRelease => Mode(step.Mode) + "unlock",
        CheckOperation.LockDowngrade => "downgrade",
        CheckOperation.SrcuReadLock => "srcu read-lock",
        CheckOperation.SrcuReadUnlock => "srcu read-unlock",
        CheckOperation.SrcuSynchronize => "synchronize",
        CheckOperation.SrcuCall => "call after grace period",
        CheckOperation.SrcuBarrier => "srcu barrier",
        CheckOperation.SrcuCallbacks => "look at callbacks of",
        CheckOperation.WaitPrepare => "prepare to wait",
        CheckOperation.WaitSleep => "sleep",
        CheckOperation.WaitFinish => "end wait",
        CheckOperation.WaitWakeUp => "wake",
        CheckOperation.WaitProbe => "anyone waiting on",
        CheckOperation.SequenceReadBegin => "seq begin",
        CheckOperation.SequenceReadRetry => "seq check",
        CheckOperation.SequenceWriteBegin => "seq write",
        CheckOperation.SequenceWriteEnd => "seq written",
        CheckOperation.AtomicRead => "read",
        CheckOperation.AtomicWrite => "write",
        CheckOperation.AtomicUpdate => "update",
        CheckOperation.Fence => "fence",
        CheckOperation.Relax => "relax",
        CheckOperation.MapEnter => "enter",
        CheckOperation.MapLeave => "leave",
        CheckOperation.MightWait => "may wait here",
        CheckOperation.AssertNoneHeld => "holds nothing",
        CheckOperation.AssertHeld => "holds",
        CheckOperation.PlainRead => "load",
        CheckOperation.PlainWrite => "store",
        CheckOperation.Mark => "●",
        _ => "·",
    };

    private static string Mode(LockMode mode) => mode == LockMode.Shared ? "read-" : "";

    private static string Outcome(TraceStep step) => step.Operation switch
    {
        CheckOperation.LockAcquire or CheckOperation.SrcuSynchronize or CheckOperation.SrcuBarrier or CheckOperation.WaitSleep
            or CheckOperation.SequenceReadBegin when !step.Succeeded => ", waits",
        CheckOperation.WaitProbe => step.Succeeded ? "? yes" : "? no",
        CheckOperation.LockTryAcquire => step.Succeeded ? ", got it" : ", busy",
        CheckOperation.SequenceReadRetry => step.Succeeded ? ", unchanged" : ", changed: retry",
        CheckOperation.SequenceReadBegin or CheckOperation.AtomicRead or CheckOperation.PlainRead => " = " + Value(step),
        CheckOperation.AtomicWrite or CheckOperation.PlainWrite => " ← " + Value(step),
        CheckOperation.AtomicUpdate when !step.Succeeded => ", found " + Value(step) + ": fails",
        CheckOperation.AtomicUpdate => ": " + Value(step) + (step.Stored is { } stored ? " → " + Value(stored, step.StoredMeaning) : ""),
        CheckOperation.Mark when step.Value != 0 => " " + Number(step.Value),
        _ => "",
    };
}
