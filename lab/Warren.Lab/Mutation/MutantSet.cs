using System.Text.RegularExpressions;

namespace Warren.Lab.Mutation;

/// <summary>All mutants of the embedded sources, before any has been compiled.</summary>
internal sealed partial class MutantSet
{
    /// <summary>Those with protocols in them, and no part of the lab.</summary>
    internal static IReadOnlyList<string> Projects { get; } = ["Warren.Locking", "Warren.HostMemory", "Warren.Hypervisor"];

    private MutantSet(IReadOnlyList<MutatedMember> members)
    {
        Members = members;
        All = [.. members.SelectMany(m => m.Mutants)];
    }

    internal IReadOnlyList<MutatedMember> Members { get; }

    /// <summary>By <see cref="Mutant.Number"/>.</summary>
    internal IReadOnlyList<Mutant> All { get; }

    /// <param name="scope">Whether a file, by its path in the repository, is to be mutated.</param>
    internal static MutantSet Find(Func<string, bool> scope)
    {
        var members = new List<MutatedMember>();
        var number = 0;
        foreach (var project in Projects)
        {
            foreach (var (path, text) in ProductionSources.Of(project))
            {
                if (!scope($"{ProductionSources.DirectoryOf(project)}/{path}"))
                    continue;
                foreach (var member in MutatedMember.In(project, path, ProjectCompiler.ParseFile(project, path, text).GetRoot()))
                {
                    Fill(member, ref number);
                    if (member.Mutants.Count > 0)
                        members.Add(member);
                }
            }
        }

        return new(members);
    }

    private static void Fill(MutatedMember member, ref int number)
    {
        var text = member.Declaration.SyntaxTree.GetText();
        var made = new HashSet<string> { member.Body.ToString() };
        var ids = new Dictionary<string, int>();
        foreach (var kind in MutationOperators.All)
        {
            foreach (var edit in kind.Edits(member.Body))
            {
                var changed = MutantWriter.Apply(member.Body, edit.Changes);
                if (!made.Add(changed))
                    continue;
                var before = OneLine(text.ToString(edit.Span));
                var after = OneLine(MutantWriter.Apply(text, edit.Span, edit.Changes));
                var key = $"{kind.Name}\n{before}\n{after}";
                var ordinal = ids[key] = ids.GetValueOrDefault(key) + 1;
                var line = text.Lines.GetLineFromPosition(edit.Start).LineNumber + 1;
                member.Mutants.Add(new(number++, Mutant.IdOf(member.File, member.Name, kind.Name, before, after, ordinal), member,
                    kind.Name, line, before, after, edit));
            }
        }
    }

    private static string OneLine(string text) => Blanks().Replace(text.Trim(), " ");

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
