using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Warren.Lab.Mutation;

/// <summary>Two neighbours in the other order.</summary>
internal sealed class SwapNeighbours : IMutationOperator
{
    public string Name => "swap-neighbours";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var list in Code.Lists(member))
        {
            for (var i = 0; i + 1 < list.Count; i++)
            {
                if (IsMovable(list[i]) && IsMovable(list[i + 1]) && !DependsOn(list[i + 1], list[i]))
                    yield return Edit.Swap(list[i], list[i + 1]);
            }
        }
    }

    private static bool IsMovable(StatementSyntax statement) => statement switch
    {
        ExpressionStatementSyntax e => Code.Matters(e) && !Code.IsLock(e) && !Code.IsUnlock(e) && Code.TouchesShared(e),
        LocalDeclarationStatementSyntax d => d.UsingKeyword.Span.IsEmpty && !d.IsConst && Code.TouchesShared(d.Declaration),
        _ => false,
    };

    private static bool DependsOn(StatementSyntax second, StatementSyntax first) =>
        first is LocalDeclarationStatementSyntax d && d.Declaration.Variables.Any(v => Code.Mentions(second, v.Identifier.Text));
}

/// <summary>A value that was read first is read only when it is needed.</summary>
internal sealed class LateSnapshot : IMutationOperator
{
    public string Name => "late-snapshot";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var list in Code.Lists(member))
        {
            for (var i = 0; i + 2 < list.Count; i++)
            {
                if (list[i] is not LocalDeclarationStatementSyntax { Declaration.Variables: [{ Initializer: not null } variable] } d)
                    continue;
                if (!d.UsingKeyword.Span.IsEmpty || !Code.TouchesShared(d.Declaration))
                    continue;
                var use = i + 1;
                while (use < list.Count && !Code.Mentions(list[use], variable.Identifier.Text))
                    use++;
                if (use > i + 1 && use < list.Count)
                    yield return Edit.Of(new(d.Span, ""), new(new TextSpan(list[use].SpanStart, 0), d + " "));
            }
        }
    }
}
