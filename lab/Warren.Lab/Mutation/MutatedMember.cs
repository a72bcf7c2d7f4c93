using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Warren.Lab.Mutation;

/// <summary>A method, constructor, operator or accessor that has mutants.</summary>
/// <param name="Declaration">All of it.</param>
/// <param name="Body">A block or an arrow clause.</param>
internal sealed record MutatedMember(string Project, string Path, string Name, SyntaxNode Declaration, SyntaxNode Body)
{
    internal List<Mutant> Mutants { get; } = [];

    /// <summary>In the repository.</summary>
    internal string File => $"{ProductionSources.DirectoryOf(Project)}/{Path}";

    /// <summary>Of the place and the text: results are kept for as long as this stays.</summary>
    internal string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{File}\n{Name}\n{Declaration}")))[..16];

    internal static IEnumerable<MutatedMember> In(string project, string path, SyntaxNode root)
    {
        foreach (var node in root.DescendantNodes())
        {
            var body = node switch
            {
                BaseMethodDeclarationSyntax method => (SyntaxNode?)method.Body ?? method.ExpressionBody,
                AccessorDeclarationSyntax accessor => (SyntaxNode?)accessor.Body ?? accessor.ExpressionBody,
                PropertyDeclarationSyntax property => property.ExpressionBody,
                IndexerDeclarationSyntax indexer => indexer.ExpressionBody,
                _ => null,
            };
            if (body is not null && !node.Ancestors().Any(a => a is InterfaceDeclarationSyntax))
                yield return new(project, path, NameOf(node), node, body);
        }
    }

    private static string NameOf(SyntaxNode node)
    {
        var types = string.Join('.', node.Ancestors().OfType<TypeDeclarationSyntax>().Reverse().Select(t => t.Identifier.Text));
        var own = node switch
        {
            MethodDeclarationSyntax m => $"{m.Identifier.Text}({Types(m.ParameterList)})",
            ConstructorDeclarationSyntax c => $"{c.Identifier.Text}({Types(c.ParameterList)})",
            BaseMethodDeclarationSyntax o => $"{o.Kind()}({Types(o.ParameterList)})",
            PropertyDeclarationSyntax p => p.Identifier.Text,
            IndexerDeclarationSyntax => "this[]",
            AccessorDeclarationSyntax { Parent.Parent: PropertyDeclarationSyntax p } a => $"{p.Identifier.Text}.{a.Keyword.Text}",
            AccessorDeclarationSyntax a => $"this[].{a.Keyword.Text}",
            _ => node.Kind().ToString(),
        };
        return $"{types}.{own}";
    }

    private static string Types(ParameterListSyntax parameters) =>
        string.Join(", ", parameters.Parameters.Select(p => $"{p.Modifiers} {p.Type}".Trim()));
}
