using Microsoft.CodeAnalysis;

namespace Warren.Lab.Mutation;

/// <summary>One kind of mistake. What it makes need not compile: such mutants are dropped.</summary>
internal interface IMutationOperator
{
    /// <summary>Lower case, words joined by hyphens; part of a mutant's identity.</summary>
    string Name { get; }

    /// <param name="member">The body, or the arrow clause, of a method, constructor, operator or accessor.</param>
    IEnumerable<Edit> Edits(SyntaxNode member);
}
