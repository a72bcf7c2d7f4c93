using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.House.Tests;

/// <summary>CONTRIBUTING.md names every environment variable that the code reads or sets, and none that is gone.</summary>
public sealed partial class EnvironmentVariableTests
{
    private const string Page = "CONTRIBUTING.md";

    [Fact]
    public void The_page_names_every_variable()
    {
        var page = Repository.Read(Page);
        var missing = Used().Where(use => !page.Contains($"`{use.Key}`", StringComparison.Ordinal))
            .Select(use => $"{use.Key} ({use.Value})");
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_variable_of_ours_on_the_page_is_read_somewhere()
    {
        var used = Used();
        Assert.DoesNotContain(Ours().Matches(Repository.Read(Page)).Select(m => m.Value), name => !used.ContainsKey(name));
    }

    [Theory]
    [InlineData("""var x = Environment.GetEnvironmentVariable("SOME_NAME");""", "SOME_NAME")]
    [InlineData("""start.Environment["OTHER"] = "1";""", "OTHER")]
    [InlineData("""const string Name = "WARREN_THING";""", "WARREN_THING")]
    [InlineData("""Set(("DOTNET_TieredPGO", "0"));""", "DOTNET_TieredPGO")]
    [InlineData("""var text = "WARREN_THING is not set"; list["key"] = 1;""", null)]
    public void A_use_is_recognised(string code, string? name) =>
        Assert.Equal(name is null ? [] : [name], Names(CSharpSyntaxTree.ParseText(code).GetRoot()));

    /// <summary>Every variable, with one of the files that use it.</summary>
    private static SortedDictionary<string, string> Used()
    {
        var used = new SortedDictionary<string, string>(StringComparer.Ordinal);
        // Not this file's own examples.
        foreach (var path in Repository.Sources.Where(static path =>
            !path.EndsWith($"/{nameof(EnvironmentVariableTests)}.cs", StringComparison.Ordinal)))
        {
            foreach (var name in Names(CSharpSyntaxTree.ParseText(Repository.Read(path)).GetRoot()))
                used.TryAdd(name, path);
        }

        foreach (var path in Repository.Files(".ci", "*"))
        {
            foreach (Match match in Ours().Matches(Repository.Read(path)))
                used.TryAdd(match.Value, path);
        }

        return used;
    }

    /// <summary>A literal is a variable's name when it has one of the known prefixes, or stands where only a name can stand.</summary>
    private static IEnumerable<string> Names(SyntaxNode root) =>
        root.DescendantNodes().OfType<LiteralExpressionSyntax>().Where(static l => l.IsKind(SyntaxKind.StringLiteralExpression))
            .Where(static l => Known().IsMatch(l.Token.ValueText) || IsName(l)).Select(static l => l.Token.ValueText);

    private static bool IsName(LiteralExpressionSyntax literal) =>
        literal.Parent is ArgumentSyntax argument && argument.Parent?.Parent switch
        {
            InvocationExpressionSyntax call => argument.Parent is ArgumentListSyntax list && list.Arguments[0] == argument
                && EndsWith(call.Expression, "GetEnvironmentVariable"),
            ElementAccessExpressionSyntax access => EndsWith(access.Expression, "Environment"),
            _ => false,
        };

    private static bool EndsWith(ExpressionSyntax expression, string name) =>
        expression is IdentifierNameSyntax simple && simple.Identifier.ValueText == name
        || expression is MemberAccessExpressionSyntax member && member.Name.Identifier.ValueText == name;

    [GeneratedRegex("WARREN_[A-Z][A-Z0-9_]*[A-Z0-9]")]
    private static partial Regex Ours();

    [GeneratedRegex("^((WARREN|XDG|GLIBC)_[A-Z0-9_]+|DOTNET_[A-Za-z0-9_]+)$")]
    private static partial Regex Known();
}
