using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.Lab.Mutation;

/// <summary>An atomic read-modify-write in two steps.</summary>
internal sealed class WeakenAtomic : IMutationOperator
{
    public string Name => "weaken-atomic";

    public IEnumerable<Edit> Edits(SyntaxNode member) =>
        from access in member.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
        where access.Expression.ToString() == "Atomics"
            && access.Name.Identifier.Text is "Add" or "Or" or "And" or "Increment" or "Decrement" or "CompareExchange" or "Exchange"
            && !Code.IsStatistic(access.Parent!)
        select Edit.Replace(access.Expression, MutantSwitch.WeakAtomics);
}

/// <summary>An entry overwritten whatever stands there by now.</summary>
internal sealed class BlindStore : IMutationOperator
{
    public string Name => "blind-store";

    public IEnumerable<Edit> Edits(SyntaxNode member) =>
        from call in member.DescendantNodes().OfType<InvocationExpressionSyntax>()
        where call is { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "TryReplace" }, ArgumentList.Arguments.Count: 3 }
        let entries = ((MemberAccessExpressionSyntax)call.Expression).Expression
        let arguments = call.ArgumentList.Arguments
        select Edit.Replace(call, $"({entries}.Exchange({arguments[0]}, {arguments[2]}) is var _)");
}

/// <summary>A fence left out, or a store that was one.</summary>
internal sealed class DropFence : IMutationOperator
{
    public string Name => "drop-fence";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var statement in Code.Statements(member))
        {
            if (Code.Call(statement) is not { } call)
                continue;
            if (call.Method is "Fence" or "MemoryBarrier" or "FenceWithinStep")
                yield return Edit.Replace(statement, ";") with { Weak = true };
            else if (call is { Receiver: "Atomics", Method: "Exchange" })
                yield return Edit.Replace(NameOf(statement), "Write") with { Weak = true };
        }
    }

    private static SimpleNameSyntax NameOf(StatementSyntax statement) =>
        ((MemberAccessExpressionSyntax)((InvocationExpressionSyntax)((ExpressionStatementSyntax)statement).Expression).Expression).Name;
}

/// <summary>The next level, the other bank, the role of another, the first address space for all.</summary>
internal sealed class WrongWhich : IMutationOperator
{
    public string Name => "wrong-which";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var argument in member.DescendantNodes().OfType<ArgumentSyntax>()
            .Where(a => a.RefKindKeyword.Span.IsEmpty && !Code.IsOfChecker(a.Parent!.Parent!)))
        {
            var name = argument.Expression switch
            {
                IdentifierNameSyntax identifier => identifier.Identifier.Text,
                MemberAccessExpressionSyntax access => access.Name.Identifier.Text,
                _ => "",
            };
            if (Other(name) is { } other)
                yield return Edit.Replace(argument.Expression, $"({argument.Expression} {other})");
        }
    }

    private static string? Other(string name) => name switch
    {
        _ when name.EndsWith("level", StringComparison.OrdinalIgnoreCase) => "+ 1",
        _ when name.EndsWith("bank", StringComparison.OrdinalIgnoreCase) || name == "idx" => "^ 1",
        _ when name.EndsWith("addressSpaceId", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith("addressSpace", StringComparison.OrdinalIgnoreCase) => "* 0",
        _ => null,
    };
}
