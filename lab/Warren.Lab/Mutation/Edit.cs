using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Warren.Lab.Mutation;

/// <summary>A change of one member's text.</summary>
/// <param name="Changes">Not overlapping, by rising position in the file.</param>
/// <param name="Weak">Shows only where stores are buffered: it is explored so.</param>
internal sealed record Edit(IReadOnlyList<TextChange> Changes, bool Weak = false)
{
    /// <summary>Where the first change begins: what executes that place executes the mutant.</summary>
    internal int Start => Changes[0].Span.Start;

    internal TextSpan Span => TextSpan.FromBounds(Start, Changes[^1].Span.End);

    internal static Edit Replace(SyntaxNode node, string text) => new([new(node.Span, text)]);

    internal static Edit Replace(SyntaxToken token, string text) => new([new(token.Span, text)]);

    internal static Edit Of(params TextChange[] changes) => new([.. changes.OrderBy(c => c.Span.Start)]);

    internal static Edit Swap(SyntaxNode first, SyntaxNode second) =>
        Of(new(first.Span, second.ToString()), new(second.Span, first.ToString()));
}
