using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Threading;

namespace Warren.Lab.Mutation;

/// <summary>Tries mutants of the production sources against scenarios, keeps what comes out, and goes on where it was.</summary>
public static class MutationRun
{
    /// <summary>
    /// Seconds of CPU a scenario may take on a mutant in any case; beyond that, so many times what it takes on the code as it is.
    /// </summary>
    private const double LeastLimit = 5;

    private const double LimitFactor = 5;

    /// <summary>Builds kept: those of other working trees may be in use.</summary>
    private const int Builds = 4;

    /// <param name="progress">A line that tells what is being done.</param>
    /// <exception cref="VariantException">The mutants cannot be built, or the code as it is does not pass; the message says
    /// which.</exception>
    public static MutationSummary Run(MutationOptions options, IProgress<string>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var clock = Stopwatch.StartNew();
        progress?.Report("finding mutants");
        var set = MutantSet.Find(options.Scope);
        if (!set.All.Any(m => IsIn(options.Area, m.File) && options.Filter(m)))
            throw new VariantException($"There are no mutants in {options.Area}; name a place such as src/Warren.Hypervisor/Tdp");
        using var alone = Lock(options.Directory);
        var (build, directory) = Build(set, options, progress);
        var scenarios = options.Scenarios ?? [.. ScenarioCatalogue.Core.Concat(ScenarioCatalogue.Generated).Select(s => s.Name)];
        var key = Key(scenarios);
        var live = build.Live.Select(n => set.All[n]).Where(m => IsIn(options.Area, m.File) && options.Filter(m)).ToList();
        var chosen = options.Sample is { } size ? Draw(live, size, options.Seed) : live;
        var store = new ResultStore(Path.Combine(options.Directory, "results"));
        var results = new MutantResult?[chosen.Count];
        var workers = Enumerable.Range(0, options.Workers).Select(_ => Worker(options, build, directory)).ToList();
        try
        {
            var coverage = Cover(scenarios, key, directory, workers, options, progress);
            Try(chosen, results, coverage, key, store, workers, options, progress);
        }
        catch (OperationCanceledException)
        {
            // Interrupted before what scenarios reach was known: what is kept from before is told.
        }
        finally
        {
            workers.ForEach(w => w.Dispose());
        }

        for (var i = 0; i < chosen.Count; i++)
            results[i] ??= options.Fresh ? null : store.Find(chosen[i], key);
        return new([.. chosen.Select((m, i) => Report(m, results[i]))], live.Count, results.Any(r => r is null), clock.Elapsed);
    }

    /// <summary>The side of a worker process: tries what it is told to until its input ends.</summary>
    /// <param name="directory">Given to <see cref="MutationOptions.Worker"/>.</param>
    /// <exception cref="VariantException">There is no build.</exception>
    public static void Serve(string directory, TextReader input, TextWriter output) =>
        ProcessWorker.Serve(MutantBuild.Load(directory) ?? throw new VariantException(
            $"There are no mutants in {directory}; 'warren lab mutate' makes them and starts this command itself"), input, output);

    /// <summary>A mutant as a unified diff over the production sources, or null where there is none of that id.</summary>
    public static string? Show(string id) => MutantSet.Find(MutationFiles.IsInScope).All.FirstOrDefault(m => m.Id == id) is { } mutant
        ? MutantDiff.Of(mutant) : null;

    /// <summary>Fills in each mutant that is not reached, was tried before, or is tried now.</summary>
    private static void Try(List<Mutant> chosen, MutantResult?[] results, CoverageMap coverage, string key, ResultStore store,
        IReadOnlyList<IMutantWorker> workers, MutationOptions options, IProgress<string>? progress)
    {
        var clock = Stopwatch.StartNew();
        var open = new List<int>();
        for (var i = 0; i < chosen.Count; i++)
        {
            var isEquivalent = MutationFiles.Equivalents.ContainsKey(chosen[i].Id);
            if (coverage.Reaching(chosen[i]).Count == 0)
                results[i] = new(MutantOutcome.NotReached, null, null, null, 0, 0, key);
            else if ((results[i] = options.Fresh ? null : store.Find(chosen[i], key)) is null && !isEquivalent)
                open.Add(i);
        }

        var done = chosen.Count - open.Count;
        WorkerThreads.ForEach(workers, open.Count, (worker, at) =>
        {
            if (clock.Elapsed > options.Time)
                return;
            var i = open[at];
            var reaching = coverage.Reaching(chosen[i]);
            var answer = worker.Try(new(chosen[i].Number, chosen[i].Edit.Weak,
                [.. reaching.Select(s => new TrialScenario(s.Scenario, LeastLimit + (LimitFactor * s.Seconds)))]), options.Cancellation);
            results[i] = new(answer.Outcome, answer.Scenario, answer.Verdict, answer.Sentence, answer.Schedules,
                Math.Round(answer.Seconds, 3), key);
            store.Add(chosen[i], results[i]!);
            var tried = Interlocked.Increment(ref done);
            var killed = results.Count(r => r?.Outcome == MutantOutcome.Killed);
            progress?.Report($"{tried} of {chosen.Count} mutants, {killed} killed; {chosen[i].Place}");
        }, options.Cancellation);
    }

    private static (MutantBuild Build, string Directory) Build(MutantSet set, MutationOptions options, IProgress<string>? progress)
    {
        var directory = Path.Combine(options.Directory, $"build-{typeof(MutationRun).Module.ModuleVersionId:n}");
        if (MutantBuild.Load(directory) is { } kept)
            return (kept, directory);
        var build = MutantBuild.Compile(set, progress is null ? null : progress.Report);
        build.Save(directory);
        var builds = new DirectoryInfo(options.Directory).GetDirectories("build-*").OrderByDescending(d => d.LastWriteTimeUtc);
        foreach (var old in builds.Skip(Builds))
            old.Delete(recursive: true);
        return (build, directory);
    }

    /// <summary>Keeps other runs out: each has the results in memory, and would overwrite those of the other.</summary>
    /// <exception cref="VariantException">One is there, or the directory cannot be written.</exception>
    private static FileStream Lock(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VariantException($"{directory} cannot be made ({e.Message.TrimEnd('.')}); point XDG_CACHE_HOME to a place that can");
        }

        try
        {
            return new(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VariantException($"{directory} is used by another run, or cannot be written ({e.Message.TrimEnd('.')}); wait for it");
        }
    }

    private static IMutantWorker Worker(MutationOptions options, MutantBuild build, string directory) =>
        options.Worker is { } worker ? new ProcessWorker(() => worker(directory)) : new LocalWorker(build);

    private static CoverageMap Cover(IReadOnlyList<string> scenarios, string key, string directory, IReadOnlyList<IMutantWorker> workers,
        MutationOptions options, IProgress<string>? progress)
    {
        var file = Path.Combine(directory, $"reached-{key}.json");
        if (CoverageMap.Load(file) is { } kept)
            return kept;
        var coverage = CoverageMap.Measure(scenarios, workers, progress is null ? null : progress.Report, options.Cancellation);
        coverage.Save(file);
        return coverage;
    }

    private static bool IsIn(string? area, string file) =>
        area is null || file == area || file.StartsWith(area.TrimEnd('/') + "/", StringComparison.Ordinal)
            || (!area.StartsWith("src/", StringComparison.Ordinal) && IsIn("src/" + area, file));

    /// <summary>
    /// So many, from each file in proportion to how many it has; in the order of the sources. An edit elsewhere changes little of what is
    /// drawn.
    /// </summary>
    internal static List<Mutant> Draw(IReadOnlyList<Mutant> all, int size, ulong seed)
    {
        if (size >= all.Count)
            return [.. all];
        var files = all.GroupBy(m => m.File)
            .Select(f => (Mutants: f.OrderBy(m => Hash($"{seed} {m.Id}"), StringComparer.Ordinal).ToList(),
            Share: (double)size * f.Count() / all.Count)).ToList();
        var drawn = files.Select(f => (int)f.Share).ToArray();
        // What is left over goes to the files that lost most by rounding; of two alike, by chance.
        var losers = Enumerable.Range(0, files.Count).OrderByDescending(i => files[i].Share - drawn[i])
            .ThenBy(i => Hash($"{seed} {files[i].Mutants[0].File}"), StringComparer.Ordinal).Take(size - drawn.Sum()).ToList();
        foreach (var i in losers)
            drawn[i]++;
        return [.. files.SelectMany((f, i) => f.Mutants.Take(drawn[i])).OrderBy(m => m.Number)];
    }

    private static string Key(IEnumerable<string> scenarios) => Hash(string.Join('\n', scenarios))[..8];

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static MutantReport Report(Mutant mutant, MutantResult? result) =>
        new(mutant.Id, mutant.File, mutant.Line, mutant.Member.Name, mutant.Operator, mutant.Before, mutant.After, result,
            MutationFiles.Equivalents.GetValueOrDefault(mutant.Id));
}
