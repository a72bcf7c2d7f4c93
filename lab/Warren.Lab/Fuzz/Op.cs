namespace Warren.Lab.Fuzz;

/// <summary>One operation of a program: what is done, and to what.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Arguments">A number for each of <see cref="OpKind.Arguments"/>.</param>
internal sealed record Op(OpKind Kind, IReadOnlyList<int> Arguments)
{
    internal int this[int index] => Arguments[index];

    internal Op With(int index, int value) => this with { Arguments = [.. Arguments.Take(index), value, .. Arguments.Skip(index + 1)] };

    /// <summary>The argument of that kind; 0 where it has none.</summary>
    internal int Of(ArgumentKind kind) => Kind.IndexOf(kind) is >= 0 and var index ? Arguments[index] : 0;

    public override string ToString() => Arguments.Count == 0 ? Kind.Word : $"{Kind.Word} {string.Join(' ', Arguments)}";
}
