namespace Warren.Lab.Fuzz;

/// <summary>A kind of operation: how it is written, executed, and printed as C#.</summary>
/// <param name="Word">Its name in the text of a program.</param>
/// <param name="Arguments">What its numbers mean.</param>
/// <param name="Do">Executes it on a stage.</param>
/// <param name="Code">The same call in C#, where the VM is <c>vm0</c> and so on.</param>
/// <param name="Weight">How often it is drawn beside others.</param>
internal sealed record OpKind(string Word, IReadOnlyList<ArgumentKind> Arguments, Action<ProgramStage, Op> Do, Func<CodeNames, Op,
    string> Code,
    int Weight)
{
    /// <summary>A vCPU of the thread executes it.</summary>
    internal bool IsGuests { get; init; }

    /// <summary>The VM needs tables of the guest; elsewhere it does nothing.</summary>
    internal bool NeedsTables { get; init; }

    /// <summary>Production may refuse it with an exception.</summary>
    internal bool MayBeRefused { get; init; }

    /// <summary>Only before the threads start.</summary>
    internal bool IsForSetup { get; init; }

    internal int IndexOf(ArgumentKind kind)
    {
        for (var i = 0; i < Arguments.Count; i++)
        {
            if (Arguments[i] == kind)
                return i;
        }

        return -1;
    }
}
