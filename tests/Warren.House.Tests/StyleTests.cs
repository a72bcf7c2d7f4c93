using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.House.Tests;

/// <summary>One way to write code, where neither the compiler nor an analyzer can tell.</summary>
public sealed partial class StyleTests
{
    private const int MostColumns = 140;

    private static readonly Lazy<IReadOnlyList<(string Path, SyntaxTree Tree)>> s_trees = new(() =>
        [.. Repository.Sources.AsParallel().AsOrdered().Select(static p => (p, Parse(Repository.Read(p))))]);

    [Fact]
    public void No_line_is_wider_than_140_columns() => Assert.Empty(Everywhere(Wide));

    [Fact]
    public void No_summary_opens_with_what_who_or_whether() => Assert.Empty(Everywhere(BadOpenings));

    [Fact]
    public void Tests_are_named_by_sentences_with_underscores() => Assert.Empty(Everywhere(BadTestNames));

    [Fact]
    public void Braces_stand_around_what_takes_several_lines_and_nothing_less() => Assert.Empty(Everywhere(SuperfluousBraces));

    [Theory]
    [InlineData("/// <summary>Whether it is so.</summary>\nclass C;", "1")]
    [InlineData("/// <summary>\n/// What it is.\n/// </summary>\nclass C;", "1")]
    [InlineData("/// <summary>True when it is so.</summary>\nclass C;", "")]
    public void A_bad_opening_is_noticed(string code, string lines) => Assert.Equal(lines, Lines(BadOpenings(Parse(code))));

    [Theory]
    [InlineData("class C { [Fact] public void It_is_so() { } }", "")]
    [InlineData("class C { [Fact] public void Holds() { } }", "")]
    [InlineData("class C { [SkippableTheory] public void ItIsSo() { } }", "1")]
    [InlineData("class C { public void ItIsSo() { } }", "")]
    public void A_bad_test_name_is_noticed(string code, string lines) => Assert.Equal(lines, Lines(BadTestNames(Parse(code))));

    [Theory]
    [InlineData("if (a)\n{\n    b();\n}", "1")]
    [InlineData("if (a)\n    b();", "")]
    [InlineData("foreach (var a in b)\n{\n    if (a) c();\n}", "")]
    [InlineData("if (a)\n{\n    b();\n}\nelse\n{\n    c();\n    d();\n}", "")]
    public void Superfluous_braces_are_noticed(string code, string lines) => Assert.Equal(lines, Lines(SuperfluousBraces(Parse(code))));

    [Fact]
    public void A_wide_line_is_noticed_unless_it_is_the_text_of_a_string()
    {
        var wide = new string('x', MostColumns + 1);
        Assert.Equal("1", Lines(Wide(Parse("// " + wide))));
        Assert.Equal("2", Lines(Wide(Parse($"\n{wide}();"))));
        Assert.Empty(Wide(Parse($"var x = \"\"\"\n    {wide}\n    \"\"\";")));
    }

    private static IEnumerable<string> Everywhere(Func<SyntaxTree, IEnumerable<int>> check) =>
        s_trees.Value.SelectMany(t => check(t.Tree).Select(line => $"{t.Path}:{line}"));

    private static string Lines(IEnumerable<int> lines) => string.Join(' ', lines);

    private static SyntaxTree Parse(string text) =>
        CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Preview, DocumentationMode.Parse));

    /// <summary>Lines that are too wide; those within a string of several lines are data.</summary>
    private static IEnumerable<int> Wide(SyntaxTree tree)
    {
        var lines = tree.GetText().Lines;
        var data = tree.GetRoot().DescendantNodes().Where(static n => n is LiteralExpressionSyntax or InterpolatedStringExpressionSyntax)
            .Select(n => lines.GetLinePositionSpan(n.Span)).Where(static s => s.End.Line > s.Start.Line).ToList();
        return lines.Where(static l => l.Span.Length > MostColumns).Select(static l => l.LineNumber)
            .Where(line => !data.Any(s => s.Start.Line < line && line <= s.End.Line)).Select(static line => line + 1);
    }

    private static IEnumerable<int> BadOpenings(SyntaxTree tree) =>
        Opening().Matches(tree.GetText().ToString()).Select(m => Line(tree, m.Index));

    private static IEnumerable<int> BadTestNames(SyntaxTree tree) =>
        tree.GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>()
            .Where(static m => m.AttributeLists.SelectMany(static a => a.Attributes)
                .Any(static a => TestAttribute().IsMatch(a.Name.ToString())))
            .Where(static m => !TestName().IsMatch(m.Identifier.ValueText)).Select(m => Line(tree, m.SpanStart));

    /// <summary>
    /// Braces of an if-else chain are alike; a body that is a statement with a body of its own has them. IDE0011 sees where they are
    /// missing.
    /// </summary>
    private static IEnumerable<int> SuperfluousBraces(SyntaxTree tree) =>
        tree.GetRoot().DescendantNodes().OfType<BlockSyntax>()
            .Where(b =>
                b.Parent is IfStatementSyntax or ElseClauseSyntax or ForStatementSyntax or CommonForEachStatementSyntax
                or WhileStatementSyntax)
            .Where(b => IsSuperfluous(tree, b) && Chain(b).All(s => s is not BlockSyntax other || IsSuperfluous(tree, other)))
            .Select(b => Line(tree, b.Parent!.SpanStart));

    private static bool IsSuperfluous(SyntaxTree tree, BlockSyntax block) =>
        block.Statements
        is [ExpressionStatementSyntax or ReturnStatementSyntax or ThrowStatementSyntax or BreakStatementSyntax or ContinueStatementSyntax
            or YieldStatementSyntax]
        && Line(tree, block.Statements[0].SpanStart) == Line(tree, block.Statements[0].Span.End)
        && Line(tree, block.Parent!.SpanStart) == Line(tree, block.OpenBraceToken.GetPreviousToken().Span.End)
        && !block.DescendantTrivia().Any(static t => t.IsKind(SyntaxKind.SingleLineCommentTrivia) || t.IsDirective);

    /// <summary>Every body of the chain that the body belongs to.</summary>
    private static IEnumerable<StatementSyntax> Chain(BlockSyntax body)
    {
        var top = body.Parent is ElseClauseSyntax e ? e.Parent as IfStatementSyntax : body.Parent as IfStatementSyntax;
        while (top?.Parent is ElseClauseSyntax { Parent: IfStatementSyntax above }) top = above;
        for (var part = top; part is not null; part = part.Else?.Statement as IfStatementSyntax)
        {
            yield return part.Statement;
            if (part.Else is { Statement: not IfStatementSyntax } last) yield return last.Statement;
        }
    }

    private static int Line(SyntaxTree tree, int position) => tree.GetText().Lines.GetLinePosition(position).Line + 1;

    [GeneratedRegex(@"(?m)^[ \t]*///\s*<summary>\s*(?:///\s*)?(?:What|Who|Whom|Whose|Whether)\b")]
    private static partial Regex Opening();

    [GeneratedRegex("(Fact|Theory)(Attribute)?$")]
    private static partial Regex TestAttribute();

    /// <summary>Words joined by underscores, or a single word; a type's or member's own name may be one of the words.</summary>
    [GeneratedRegex("^(?:[A-Z][a-z0-9]*|[A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)$")]
    private static partial Regex TestName();
}
