using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Warren.Lab.Mutation;

/// <summary>
/// Writes a source file anew with all of its mutants in it. A method gets a copy of itself for each, beside it, and goes there first when
/// one of them is chosen; of other members the body is
/// written once for each. In what stays as it was, each place that has a mutant notes that it was reached.
/// </summary>
internal sealed class MutantWriter
{
    private readonly StringBuilder _text = new();
    private readonly List<(TextSpan Span, Mutant Mutant)> _chunks = [];
    private readonly List<(TextSpan Span, MutatedMember Member)> _members = [];

    private MutantWriter()
    {
    }

    internal string Text => _text.ToString();

    /// <summary>The mutants whose text a place of the written file is: one, or all of a member, or none.</summary>
    internal IEnumerable<Mutant> At(int position)
    {
        foreach (var (span, mutant) in _chunks)
        {
            if (span.Contains(position))
                return [mutant];
        }

        return _members.Where(m => m.Span.Contains(position)).SelectMany(m => m.Member.Mutants);
    }

    /// <param name="members">Of this one file.</param>
    /// <param name="lives">Whether a mutant is to be in it.</param>
    internal static MutantWriter Write(SourceText source, IEnumerable<MutatedMember> members, Func<Mutant, bool> lives)
    {
        var writer = new MutantWriter();
        var at = 0;
        foreach (var member in members.OrderBy(m => m.Declaration.SpanStart))
        {
            Mutant[] live = [.. member.Mutants.Where(lives)];
            if (live.Length == 0)
                continue;
            writer._text.Append(source.ToString(TextSpan.FromBounds(at, member.Declaration.SpanStart)));
            var start = writer._text.Length;
            if (member.Declaration is MethodDeclarationSyntax method)
                writer.Method(method, member, live);
            else
                writer.OtherMember(source, member, live);
            writer._members.Add((TextSpan.FromBounds(start, writer._text.Length), member));
            at = member.Declaration.Span.End;
        }

        writer._text.Append(source.ToString(TextSpan.FromBounds(at, source.Length)));
        return writer;
    }

    /// <summary>The text of a node with changes made.</summary>
    internal static string Apply(SyntaxNode node, IEnumerable<TextChange> changes) => Apply(node.SyntaxTree.GetText(), node.Span, changes);

    internal static string Apply(SourceText source, TextSpan span, IEnumerable<TextChange> changes)
    {
        var text = new StringBuilder();
        var at = span.Start;
        foreach (var change in changes)
        {
            text.Append(source.ToString(TextSpan.FromBounds(at, change.Span.Start))).Append(change.NewText);
            at = change.Span.End;
        }

        return text.Append(source.ToString(TextSpan.FromBounds(at, span.End))).ToString();
    }

    /// <summary>The number that is noted where a mutant is: that of the first in the same statement.</summary>
    internal static int SiteOf(Mutant mutant)
    {
        var statement = StatementOf(mutant);
        return mutant.Member.Mutants.First(m => StatementOf(m) == statement).Number;
    }

    private void Method(MethodDeclarationSyntax method, MutatedMember member, Mutant[] live)
    {
        var isVoid = method.ReturnType is PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword };
        var isRef = method.ReturnType is RefTypeSyntax;
        var name = method.Identifier.Text;
        var call = $"{method.TypeParameterList}({string.Join(", ", method.ParameterList.Parameters.Select(Argument))})";
        string Going(string to) => isVoid ? $"{to}{call}; return;" : $"return {(isRef ? "ref " : "")}{to}{call};";

        var (first, count) = (member.Mutants[0].Number, member.Mutants[^1].Number - member.Mutants[0].Number + 1);
        var source = method.SyntaxTree.GetText();
        _text.Append(source.ToString(TextSpan.FromBounds(method.SpanStart, member.Body.SpanStart)));
        _text.Append($"{{ if ({MutantSwitch.Name}.In({first}, {count})) {{ {Going($"{name}__mutants{first}")} }} ");
        Original(member, live, isVoid);
        _text.Append(" }\n");

        _text.Append(Header(method, $"{name}__mutants{first}")).Append($" {{ switch ({MutantSwitch.Name}.Active) {{ ");
        foreach (var mutant in live)
            Chunk(mutant, $"case {mutant.Number}: {Going($"{name}__{mutant.Number}")}\n");
        _text.Append("default: throw new System.InvalidOperationException(); } }\n");
        var end = method.Body is null ? ";\n" : "\n";
        foreach (var mutant in live)
            Chunk(mutant, $"{Header(method, $"{name}__{mutant.Number}")} {Apply(member.Body, mutant.Edit.Changes)}{end}");
    }

    private void OtherMember(SourceText source, MutatedMember member, Mutant[] live)
    {
        var isVoid = member.Declaration is ConstructorDeclarationSyntax or DestructorDeclarationSyntax
            || member.Declaration.Kind() is SyntaxKind.SetAccessorDeclaration or SyntaxKind.InitAccessorDeclaration;
        var isProperty = member.Declaration is PropertyDeclarationSyntax or IndexerDeclarationSyntax;
        _text.Append(source.ToString(TextSpan.FromBounds(member.Declaration.SpanStart, member.Body.SpanStart)));
        _text.Append(isProperty ? "{ get { " : "{ ");
        foreach (var mutant in live)
        {
            _text.Append($"if ({MutantSwitch.Name}.Active == {mutant.Number}) ");
            Chunk(mutant, $"{{ {Statements(member, isVoid, Apply(member.Body, mutant.Edit.Changes))} }}\n");
            _text.Append("else ");
        }

        _text.Append("{ ");
        Original(member, live, isVoid);
        _text.Append(isProperty ? " } } }" : " } }");
    }

    /// <summary>The body as it is, with notes of what is reached.</summary>
    private void Original(MutatedMember member, Mutant[] live, bool isVoid)
    {
        var notes = new List<TextChange>();
        var atEntry = -1;
        foreach (var group in live.GroupBy(SiteOf))
        {
            if (StatementOf(group.First()) is not { } statement)
            {
                atEntry = group.Key;
                continue;
            }

            var note = $"{MutantSwitch.Name}.Reach({group.Key}); ";
            var listed = statement.Parent is BlockSyntax or SwitchSectionSyntax;
            notes.Add(new(new TextSpan(statement.SpanStart, 0), listed ? note : "{ " + note));
            if (!listed)
                notes.Add(new(new TextSpan(statement.Span.End, 0), " }"));
        }

        if (atEntry >= 0)
            _text.Append($"{MutantSwitch.Name}.Reach({atEntry}); ");
        _text.Append(Statements(member, isVoid, Apply(member.Body, notes.OrderBy(n => n.Span.Start))));
    }

    private void Chunk(Mutant mutant, string text)
    {
        _chunks.Add((new TextSpan(_text.Length, text.Length), mutant));
        _text.Append(text);
    }

    /// <summary>A body as statements, also where it is an arrow.</summary>
    private static string Statements(MutatedMember member, bool isVoid, string body)
    {
        if (member.Body is BlockSyntax)
            return body;
        var expression = body[2..];
        return isVoid || expression.TrimStart().StartsWith("throw ", StringComparison.Ordinal) ? $"{expression};" : $"return {expression};";
    }

    /// <summary>The smallest statement around the place, or null in an arrow.</summary>
    private static StatementSyntax? StatementOf(Mutant mutant)
    {
        var node = mutant.Member.Body.FindToken(mutant.Edit.Start).Parent!;
        return node.AncestorsAndSelf().TakeWhile(n => n != mutant.Member.Body).OfType<StatementSyntax>()
            .FirstOrDefault(s => s is not BlockSyntax);
    }

    private static string Header(MethodDeclarationSyntax method, string name)
    {
        var attributes = string.Concat(method.AttributeLists.Where(l =>
            !l.Attributes.Any(a => a.Name.ToString().Contains("MethodImpl", StringComparison.Ordinal))).Select(l => l + " "));
        var modifiers = string.Concat(method.Modifiers.Where(m =>
            m.Kind() is SyntaxKind.StaticKeyword or SyntaxKind.UnsafeKeyword or SyntaxKind.ReadOnlyKeyword).Select(m => m.Text + " "));
        var signature = $"{name}{method.TypeParameterList}{method.ParameterList} {method.ConstraintClauses}";
        return $"{attributes}private {modifiers}{method.ReturnType} {signature}";
    }

    private static string Argument(ParameterSyntax parameter)
    {
        var kind = parameter.Modifiers.Select(m => m.Kind())
            .FirstOrDefault(k => k is SyntaxKind.RefKeyword or SyntaxKind.OutKeyword or SyntaxKind.InKeyword);
        var word = kind switch
        {
            SyntaxKind.RefKeyword when parameter.Modifiers.Any(SyntaxKind.ReadOnlyKeyword) => "in ",
            SyntaxKind.RefKeyword => "ref ",
            SyntaxKind.OutKeyword => "out ",
            SyntaxKind.InKeyword => "in ",
            _ => "",
        };
        return word + parameter.Identifier.Text;
    }
}
