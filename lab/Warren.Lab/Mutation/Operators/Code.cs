using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.Lab.Mutation;

/// <summary>Questions that operators ask of a piece of code.</summary>
internal static class Code
{
    internal static IEnumerable<StatementSyntax> Statements(SyntaxNode member) => member.DescendantNodes().OfType<StatementSyntax>();

    /// <summary>Every list of statements that follow each other.</summary>
    internal static IEnumerable<SyntaxList<StatementSyntax>> Lists(SyntaxNode member) =>
        member.DescendantNodesAndSelf().OfType<BlockSyntax>().Select(b => b.Statements)
            .Concat(member.DescendantNodes().OfType<SwitchSectionSyntax>().Select(s => s.Statements));

    /// <summary>An effect that somebody else may see: not an assertion, not a count for the reader of statistics.</summary>
    internal static bool Matters(ExpressionStatementSyntax statement)
    {
        if (IsOfChecker(statement) || IsStatistic(statement))
            return false;
        return statement.Expression switch
        {
            InvocationExpressionSyntax or ConditionalAccessExpressionSyntax => true,
            PostfixUnaryExpressionSyntax or PrefixUnaryExpressionSyntax => true,
            AssignmentExpressionSyntax assignment => assignment.Left is not IdentifierNameSyntax { Identifier.Text: "_" },
            _ => false,
        };
    }

    /// <summary>Assertions, hook points and marks for oracles: they change nothing, or what the lab sees instead of what is.</summary>
    internal static bool IsOfChecker(SyntaxNode node)
    {
        var text = node.ToString();
        return text.StartsWith("Debug.", StringComparison.Ordinal) || text.StartsWith("Check.", StringComparison.Ordinal)
            || text.Contains("ThrowIf", StringComparison.Ordinal)
            || text.Contains("Assert", StringComparison.Ordinal) || text.Contains("Check.On", StringComparison.Ordinal)
                || text.Contains("Check.Steps", StringComparison.Ordinal)
            || text.Contains("Check.Hook", StringComparison.Ordinal) || text.Contains("Check.TrackOwners", StringComparison.Ordinal)
                || text.Contains(".Map.", StringComparison.Ordinal)
            || text.Contains("Shared.Changing", StringComparison.Ordinal);
    }

    internal static bool IsStatistic(SyntaxNode node)
    {
        var text = node.ToString();
        return text.Contains("Statistics", StringComparison.Ordinal) || text.Contains("ounters.", StringComparison.Ordinal)
            || text.Contains("Metrics", StringComparison.Ordinal);
    }

    /// <summary>The method that a statement calls, after the object it calls it on: of <c>_vm.MmuLock.WriteLock();</c> these two.</summary>
    internal static (string Receiver, string Method)? Call(StatementSyntax statement) =>
        statement is ExpressionStatementSyntax { Expression: InvocationExpressionSyntax call }
            && call.Expression is MemberAccessExpressionSyntax access
            ? (access.Expression.ToString(), access.Name.Identifier.Text)
            : null;

    internal static bool IsLock(StatementSyntax statement) =>
        Call(statement) is { Method: "Lock" or "ReadLock" or "WriteLock" or "DownRead" or "DownWrite" };

    internal static bool IsUnlock(StatementSyntax statement) =>
        Call(statement) is { Method: "Unlock" or "ReadUnlock" or "WriteUnlock" or "UpRead" or "UpWrite" };

    /// <summary>True where control may leave the statement other than at its end.</summary>
    internal static bool MayLeave(StatementSyntax statement) =>
        statement.DescendantNodesAndSelf()
            .Any(n => n is ReturnStatementSyntax or BreakStatementSyntax or ContinueStatementSyntax or GotoStatementSyntax
                or ThrowStatementSyntax);

    internal static bool Mentions(SyntaxNode node, string name) => node.DescendantTokens()
        .Any(t => t.IsKind(SyntaxKind.IdentifierToken) && t.Text == name);

    /// <summary>Reads or writes what is not its own: calls something, or touches a field, a property or memory.</summary>
    internal static bool TouchesShared(SyntaxNode node) =>
        node.DescendantNodesAndSelf()
            .Any(n => n is InvocationExpressionSyntax or MemberAccessExpressionSyntax or ElementAccessExpressionSyntax
            || (n is IdentifierNameSyntax { Identifier.Text: var name } && (name[0] == '_' || char.IsUpper(name[0]))));
}
