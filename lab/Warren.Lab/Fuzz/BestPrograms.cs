namespace Warren.Lab.Fuzz;

/// <summary>Chooses, of many programs, a few that together reach much.</summary>
internal static class BestPrograms
{
    /// <summary>The one that adds most to what those chosen before reach, again and again; in the order of choice.</summary>
    internal static IReadOnlyList<FuzzProgram> Of(IReadOnlyList<(FuzzProgram Program, HashSet<int> Reached)> programs, int count)
    {
        var covered = new HashSet<int>();
        var best = new List<FuzzProgram>();
        while (best.Count < count)
        {
            var (most, at) = (0, -1);
            for (var i = 0; i < programs.Count; i++)
            {
                var added = programs[i].Reached.Count(r => !covered.Contains(r));
                if (added > most)
                    (most, at) = (added, i);
            }

            if (at < 0)
                break;
            covered.UnionWith(programs[at].Reached);
            best.Add(programs[at].Program);
        }

        return best;
    }
}
