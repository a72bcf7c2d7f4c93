using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.Lab.Mutation;

/// <summary>Leaves out one effect: a flush, a bump, a mark, an unlink, a count, a clearing, a release.</summary>
internal sealed class DropStatement : IMutationOperator
{
    public string Name => "drop-statement";

    public IEnumerable<Edit> Edits(SyntaxNode member) =>
        Code.Statements(member).OfType<ExpressionStatementSyntax>().Where(s => Code.Matters(s) && !Code.IsLock(s) && !Code.IsUnlock(s))
            .Select(s => Edit.Replace(s, ";"));
}

/// <summary>Leaves out a loop that waits.</summary>
internal sealed class DropWait : IMutationOperator
{
    public string Name => "drop-wait";

    public IEnumerable<Edit> Edits(SyntaxNode member) =>
        Code.Statements(member).Where(s => s is WhileStatementSyntax or DoStatementSyntax or ForStatementSyntax && IsWait(s))
            .Select(s => Edit.Replace(s, ";"));

    private static bool IsWait(StatementSyntax loop)
    {
        var body = loop switch
        {
            WhileStatementSyntax w => w.Statement,
            DoStatementSyntax d => d.Statement,
            _ => ((ForStatementSyntax)loop)
            .Statement
        };
        return (body is not BlockSyntax block || block.Statements.Count == 1)
            && (Code.Mentions(loop, "Relax") || Code.Mentions(loop, "Sleep") || Code.Mentions(loop, "Wait"));
    }
}

/// <summary>An error path that undoes nothing.</summary>
internal sealed class DropUndo : IMutationOperator
{
    public string Name => "drop-undo";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var clause in member.DescendantNodes().OfType<CatchClauseSyntax>())
        {
            var undo = clause.Block.Statements.Where(s => s is not (ThrowStatementSyntax or ReturnStatementSyntax)).ToList();
            if (undo.Count > 0)
                yield return new([.. undo.Select(s => new Microsoft.CodeAnalysis.Text.TextChange(s.Span, ";"))]);
        }
    }
}
