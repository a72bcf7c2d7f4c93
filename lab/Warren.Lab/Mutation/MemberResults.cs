namespace Warren.Lab.Mutation;

/// <summary>All that is known of the mutants of one member, by their ids.</summary>
internal sealed record MemberResults(string Member, string File, SortedDictionary<string, MutantResult> Mutants);

/// <summary>
/// Results in a directory, a file for each member, named after the hash of its text: they are good until it changes. A kill stays one;
/// whatever else came out is good for the scenarios it
/// was tried with.
/// </summary>
internal sealed class ResultStore(string directory)
{
    private readonly System.Threading.Lock _lock = new();
    private readonly Dictionary<string, MemberResults> _read = [];

    internal MutantResult? Find(Mutant mutant, string scenarios)
    {
        lock (_lock)
        {
            var result = Of(mutant.Member).Mutants.GetValueOrDefault(mutant.Id);
            return result?.Outcome == MutantOutcome.Killed || result?.Scenarios == scenarios ? result : null;
        }
    }

    internal void Add(Mutant mutant, MutantResult result)
    {
        lock (_lock)
        {
            var results = Of(mutant.Member);
            results.Mutants[mutant.Id] = result;
            KeptFile.Write(PathOf(mutant.Member), results, MutationSerializer.Default.MemberResults);
        }
    }

    private MemberResults Of(MutatedMember member)
    {
        var path = PathOf(member);
        if (!_read.TryGetValue(path, out var results))
            _read.Add(path, results = Read(path) ?? new(member.Name, member.File, []));
        return results;
    }

    private string PathOf(MutatedMember member) => Path.Combine(directory, member.Hash + ".json");

    private static MemberResults? Read(string path) =>
        KeptFile.Read(path, MutationSerializer.Default.MemberResults) is { Mutants: not null } read ? read : null;
}
