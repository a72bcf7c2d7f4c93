using System.Text.Json;

namespace Warren.Locking;

/// <summary>The kind of violation.</summary>
public enum LockReportKind
{
    /// <summary>Classes are taken in orders that make a circle which can deadlock.</summary>
    Cycle,

    /// <summary>A thread takes, or waits for, a lock it holds itself.</summary>
    Recursion,

    /// <summary>Two locks of one class are held together and no rule says in which order.</summary>
    Nesting,

    /// <summary>Something that may wait longer than a lock that is held allows its holder to.</summary>
    Context,

    /// <summary>A lock is still held where none, or not this one, may be.</summary>
    Leak,

    /// <summary>An order that no declaration allows.</summary>
    UndeclaredOrder,

    /// <summary>A lock is released, or downgraded, by a thread that does not hold it.</summary>
    Release,

    /// <summary>An assertion (AssertHeld, AssertHeldWrite, AssertNotHeld) does not hold for this thread.</summary>
    Assertion,
}

/// <summary>A lock in a report.</summary>
/// <param name="Class">Its class, with the subclass.</param>
/// <param name="Call">How it was or is to be taken, for example <c>write_lock(mmu_lock)</c>.</param>
/// <param name="Context">The wait that taking it needs.</param>
/// <param name="HolderContext">The longest wait that it allows its holder.</param>
/// <param name="Stack">The calls that took it, innermost first; of a lock held already, as its chain was first seen.</param>
public sealed record LockReportLock(string Class, string Call, WaitContext Context, WaitContext HolderContext, IReadOnlyList<string> Stack);

/// <summary>One dependency of a circle: who held <paramref name="From"/> waited for <paramref name="To"/>.</summary>
/// <param name="From">Class held.</param>
/// <param name="To">Class waited for.</param>
/// <param name="Kind">In which of the four kinds.</param>
/// <param name="Holder">The call by which the first was held.</param>
/// <param name="HolderStack">From where.</param>
/// <param name="Waiter">The call that waited for the second.</param>
/// <param name="WaiterIsShared">That call is a reader's.</param>
/// <param name="WaiterStack">From where.</param>
public sealed record LockReportEdge(string From, string To, DependencyKinds Kind, string Holder, IReadOnlyList<string> HolderStack,
    string Waiter,
    bool WaiterIsShared, IReadOnlyList<string> WaiterStack);

/// <summary>One violation, complete in itself: text for people, JSON for programs.</summary>
public sealed class LockReport
{
    private string? _text;

    internal LockReport()
    {
    }

    public required LockReportKind Kind { get; init; }

    /// <summary>One sentence that names the classes.</summary>
    public required string Sentence { get; init; }

    /// <summary>Name and managed id of the thread that was caught.</summary>
    public required string Thread { get; init; }

    /// <summary>The lock or wait that the thread was about to take; null for leaks.</summary>
    public LockReportLock? Wanted { get; init; }

    /// <summary>The locks it held, outermost first.</summary>
    public required IReadOnlyList<LockReportLock> Held { get; init; }

    /// <summary>Which of <see cref="Held"/> is in the way; -1: none in particular.</summary>
    public int Culprit { get; init; } = -1;

    /// <summary>Of a circle: the new dependency first, then the path that leads back. Of an undeclared order: that dependency.</summary>
    public IReadOnlyList<LockReportEdge> Edges { get; init; } = [];

    /// <summary>Where the thread was, innermost call first.</summary>
    public required IReadOnlyList<string> Stack { get; init; }

    /// <summary>In the manner of the kernel's validator.</summary>
    public string Text => _text ??= LockReportText.Write(this);

    public string ToJson() => LockReportJson.Write(this);

    public void WriteTo(Utf8JsonWriter writer) => LockReportJson.Write(this, writer);

    public override string ToString() => Sentence;
}
