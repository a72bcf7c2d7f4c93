namespace Warren.Asm;

/// <summary>A label, a <c>.equ</c>, or a name used before its definition.</summary>
internal sealed class Symbol(string name)
{
    public string Name { get; } = name;

    /// <summary>The section a label lies in; null for an absolute value.</summary>
    public Section? Section { get; set; }

    /// <summary>Offset in <see cref="Section"/>, or the absolute value.</summary>
    public long Value { get; set; }

    public bool Defined { get; set; }

    /// <summary>Set by <c>.set</c>, <c>.equ</c> or <c>=</c>, so that it may be set again.</summary>
    public bool Assigned { get; set; }

    public bool Global { get; set; }

    /// <summary>An assignment that needed names not yet defined; evaluated in pass two.</summary>
    public Expression? Later { get; set; }

    /// <summary>True while <see cref="Later"/> is being evaluated: meeting it again is a cycle.</summary>
    public bool Evaluating { get; set; }
}
