using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.Lab.Mutation;

/// <summary>The conditions that decide about something.</summary>
internal static class Conditions
{
    internal static IEnumerable<ExpressionSyntax> Of(SyntaxNode member) =>
        member.DescendantNodes().Select(n => n switch
        {
            IfStatementSyntax { Condition: var c } => c,
            ConditionalExpressionSyntax { Condition: var c } => c,
            _ => null,
        }).OfType<ExpressionSyntax>().Where(c => !Code.IsOfChecker(c) && !OnlyCounts(c));

    /// <summary>True where nothing hangs on it but statistics.</summary>
    private static bool OnlyCounts(ExpressionSyntax condition) =>
        condition.Parent is IfStatementSyntax { Else: null, Statement: ExpressionStatementSyntax only }
            && (Code.IsStatistic(only) || Code.IsOfChecker(only));
}

/// <summary>A check that is not made: its answer is always the same.</summary>
internal sealed class DropCheck : IMutationOperator
{
    public string Name => "drop-check";

    public IEnumerable<Edit> Edits(SyntaxNode member) => Conditions.Of(member)
        .SelectMany(c => (Edit[])[Edit.Replace(c, "false"), Edit.Replace(c, "true")]);
}

internal sealed class InvertCheck : IMutationOperator
{
    public string Name => "invert-check";

    public IEnumerable<Edit> Edits(SyntaxNode member) => Conditions.Of(member).Select(c => Edit.Replace(c, $"!({c})"));
}

/// <summary>Half of a check.</summary>
internal sealed class DropOperand : IMutationOperator
{
    public string Name => "drop-operand";

    public IEnumerable<Edit> Edits(SyntaxNode member) =>
        from both in member.DescendantNodes().OfType<BinaryExpressionSyntax>()
        where both.IsKind(SyntaxKind.LogicalAndExpression) || both.IsKind(SyntaxKind.LogicalOrExpression)
        where !Code.IsOfChecker(both)
        from one in (ExpressionSyntax[])[both.Left, both.Right]
        select Edit.Replace(both, $"({one})");
}

/// <summary>A bound that is one too far, or one too near.</summary>
internal sealed class OffByOne : IMutationOperator
{
    public string Name => "off-by-one";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var node in member.DescendantNodes().OfType<BinaryExpressionSyntax>().Where(n => !Code.IsOfChecker(n)))
        {
            var adds = node.IsKind(SyntaxKind.AddExpression) || node.IsKind(SyntaxKind.SubtractExpression);
            if (Neighbour(node.OperatorToken.Kind()) is { } other)
                yield return Edit.Replace(node.OperatorToken, other);
            else if (adds && node.Right is LiteralExpressionSyntax { Token.ValueText: "1" })
                yield return Edit.Replace(node, $"({node.Left})");
        }
    }

    private static string? Neighbour(SyntaxKind kind) => kind switch
    {
        SyntaxKind.LessThanToken => "<=",
        SyntaxKind.LessThanEqualsToken => "<",
        SyntaxKind.GreaterThanToken => ">=",
        SyntaxKind.GreaterThanEqualsToken => ">",
        _ => null,
    };
}

/// <summary>A loop that ends after its first round, or before its last.</summary>
internal sealed class StopLoop : IMutationOperator
{
    public string Name => "stop-loop";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var loop in Code.Statements(member))
        {
            var body = loop switch
            {
                ForStatementSyntax f => f.Statement,
                WhileStatementSyntax w => w.Statement,
                ForEachStatementSyntax e => e.Statement,
                DoStatementSyntax d => d.Statement,
                _ => null,
            };
            if (body is null || Code.IsOfChecker(body))
                continue;
            yield return Edit.Replace(body, $"{{ {body} break; }}");
            if (loop is ForStatementSyntax { Condition: BinaryExpressionSyntax bound } && bound.IsKind(SyntaxKind.LessThanExpression))
                yield return Edit.Replace(bound.Right, $"({bound.Right}) - 1");
        }
    }
}
