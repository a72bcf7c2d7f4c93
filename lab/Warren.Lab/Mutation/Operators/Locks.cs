using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Warren.Lab.Mutation;

/// <summary>A lock that is not taken at all.</summary>
internal sealed class DropLock : IMutationOperator
{
    public string Name => "drop-lock";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        var calls = Code.Statements(member).Where(s => Code.IsLock(s) || Code.IsUnlock(s)).ToLookup(s => Code.Call(s)!.Value.Receiver);
        foreach (var receiver in calls)
        {
            var taken = receiver.Where(Code.IsLock).Select(s => new TextChange(s.Span, ";")).Concat(Sections(member, receiver.Key))
                .ToList();
            if (taken.Count > 0 && receiver.Any(Code.IsUnlock))
                yield return Edit.Of([.. taken, .. receiver.Where(Code.IsUnlock).Select(s => new TextChange(s.Span, ";"))]);
        }
    }

    /// <summary>Of a read section of SRCU, which gives a bank.</summary>
    private static IEnumerable<TextChange> Sections(SyntaxNode member, string receiver) =>
        from call in member.DescendantNodes().OfType<InvocationExpressionSyntax>()
        where call.Expression is MemberAccessExpressionSyntax { Name.Identifier.Text: "ReadLock" } access
            && access.Expression.ToString() == receiver && call.Parent is EqualsValueClauseSyntax
        select new TextChange(call.Span, "0");
}

/// <summary>Held for read where it must be held for write.</summary>
internal sealed class WeakenLock : IMutationOperator
{
    public string Name => "weaken-lock";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        var names = member.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
            .Where(a => a.Parent is InvocationExpressionSyntax && Weaker(a.Name.Identifier.Text) is not null);
        foreach (var receiver in names.ToLookup(a => a.Expression.ToString()))
            yield return Edit.Of([.. receiver.Select(a => new TextChange(a.Name.Span, Weaker(a.Name.Identifier.Text)!))]);
    }

    private static string? Weaker(string name) => name switch
    {
        "WriteLock" => "ReadLock",
        "TryWriteLock" => "TryReadLock",
        "WriteUnlock" => "ReadUnlock",
        "DownWrite" => "DownRead",
        "UpWrite" => "UpRead",
        _ => null,
    };
}

/// <summary>A lock taken after the first thing that it protects.</summary>
internal sealed class LockLater : IMutationOperator
{
    public string Name => "lock-later";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var list in Code.Lists(member))
        {
            for (var i = 0; i + 1 < list.Count; i++)
            {
                if (!Code.IsLock(list[i]))
                    continue;
                var first = list[i + 1] is TryStatementSyntax { Block.Statements: [var inner, _, ..] } ? inner : list[i + 1];
                if (!Code.MayLeave(first) && !Code.IsUnlock(first) && !first.DescendantNodes().OfType<StatementSyntax>().Any(Code.IsUnlock))
                    yield return Edit.Of(new(list[i].Span, ";"), new(new TextSpan(first.Span.End, 0), " " + list[i]));
            }
        }
    }
}

/// <summary>A lock released before the last thing that it protects.</summary>
internal sealed class UnlockEarlier : IMutationOperator
{
    public string Name => "unlock-earlier";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var list in Code.Lists(member))
        {
            for (var i = 0; i < list.Count; i++)
            {
                if (!Code.IsUnlock(list[i]))
                    continue;
                var last = i > 0 ? list[i - 1]
                    : list[i].Parent?.Parent is FinallyClauseSyntax { Parent: TryStatementSyntax { Block.Statements: [.., var inner] } }
                        ? inner : null;
                if (last is not null && !Code.IsLock(last) && !Code.IsUnlock(last) && (i == 0 || !Code.MayLeave(last)))
                    yield return Edit.Of(new(new TextSpan(last.SpanStart, 0), list[i] + " "), new(list[i].Span, ";"));
            }
        }
    }
}

/// <summary>A question asked before the lock is taken, and not again.</summary>
internal sealed class CheckBeforeLock : IMutationOperator
{
    public string Name => "check-before-lock";

    public IEnumerable<Edit> Edits(SyntaxNode member)
    {
        foreach (var list in Code.Lists(member))
        {
            for (var i = 0; i + 1 < list.Count; i++)
            {
                var next = list[i + 1] is TryStatementSyntax { Block.Statements: [var inner, ..] } ? inner : list[i + 1];
                if (Code.IsLock(list[i]) && next is IfStatementSyntax check && !Code.IsOfChecker(check.Condition))
                {
                    yield return Edit.Of(new(new TextSpan(list[i].SpanStart, 0), $"bool askedEarly = {check.Condition}; "),
                        new(check.Condition.Span, "askedEarly"));
                }
            }
        }
    }
}
