using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using Warren.Lab.Fuzz;

namespace Warren.Lab;

/// <summary>How one variant fared.</summary>
/// <param name="Variant">Which.</param>
/// <param name="Exploration">Of the variant; null when it could not be made.</param>
/// <param name="Control">Of its scenario on the unpatched code, when that was asked for.</param>
/// <param name="Problem">Why this is a failure of the explorer or of the corpus, or null.</param>
/// <param name="Elapsed">Compiling, loading and exploring.</param>
public sealed record CorpusResult(Variant Variant, ExplorationResult? Exploration, ExplorationResult? Control, string? Problem,
    TimeSpan Elapsed)
{
    /// <summary>A verdict of an expected kind was reached.</summary>
    public bool Found => Kind is { } kind && Variant.Expected.Contains(kind);

    public VerdictKind? Kind => Exploration?.Failure?.Verdict?.Kind;

    /// <summary>Executed until it was found.</summary>
    public long Schedules => Exploration?.Schedules ?? 0;

    public long Steps => Exploration?.Steps ?? 0;

    /// <summary>Of the minimised trace.</summary>
    public int Preemptions => Exploration?.Failure?.Preemptions ?? 0;

    /// <summary>Of the minimised trace; good for the variant, not for the code as it is.</summary>
    public string Replay => Exploration?.Failure?.Replay ?? "";
}

/// <summary>Makes variants and has the explorer find what is wrong with them.</summary>
public static class CorpusRunner
{
    /// <summary>Explores one variant, then (if asked) its scenario on the code as it is, where nothing may be found.</summary>
    /// <param name="controlSchedules">Schedules of the second exploration; 0 leaves it out.</param>
    /// <param name="progress">Told how far the exploration of the variant is, as <see cref="Explorer.Explore"/> tells it.</param>
    /// <exception cref="VariantException">The variant cannot be made.</exception>
    public static CorpusResult Run(Variant variant, ExplorationOptions options, long controlSchedules = 0,
        IProgress<ExplorationResult>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(options);
        var clock = Stopwatch.StartNew();
        var found =
            Explore(variant, [.. variant.Exposure, .. variant.Patches], ContextRequest.From(variant, options), options.Cancellation,
                progress);
        var control = controlSchedules > 0 ? ExploreUnpatched(variant, options with { MaxSchedules = controlSchedules, Minimise = false })
            : null;
        return new(variant, found, control, Judge(variant, found, control), clock.Elapsed);
    }

    /// <summary>Applies the variant's patches, and compiles nothing: whether its anchors are there.</summary>
    /// <exception cref="VariantException">One is not.</exception>
    public static void Prepare(Variant variant)
    {
        ArgumentNullException.ThrowIfNull(variant);
        foreach (var project in ProductionSources.Projects)
            ProductionSources.Patched(variant.Name, project, [.. variant.Exposure, .. variant.Patches]);
    }

    /// <summary>Runs many, <paramref name="parallel"/> at a time, and hands each result over as it comes.</summary>
    public static IReadOnlyList<CorpusResult> RunAll(IReadOnlyList<Variant> variants, ExplorationOptions options,
        Action<CorpusResult>? done = null, int parallel = 1, long controlSchedules = 0)
    {
        ArgumentNullException.ThrowIfNull(variants);
        var results = new CorpusResult[variants.Count];
        var report = new Lock();
        ForEach(variants.Count, parallel, i =>
        {
            results[i] = RunOne(variants[i], options, controlSchedules);
            lock (report)
                done?.Invoke(results[i]);
        }, options.Cancellation);
        return [.. results.Where(r => r is not null)];
    }

    /// <summary><see cref="ExploreUnpatched"/> for many, <paramref name="parallel"/> at a time; in their order.</summary>
    public static IReadOnlyList<ExplorationResult> ExploreAllUnpatched(IReadOnlyList<Variant> variants, ExplorationOptions options,
        int parallel = 1)
    {
        ArgumentNullException.ThrowIfNull(variants);
        ArgumentNullException.ThrowIfNull(options);
        var results = new ExplorationResult[variants.Count];
        var errors = new ConcurrentQueue<Exception>();
        ForEach(variants.Count, parallel, i =>
        {
            try
            {
                results[i] = ExploreUnpatched(variants[i], options);
            }
            catch (Exception e) when (e is VariantException or OperationCanceledException)
            {
                errors.Enqueue(e);
            }
        }, options.Cancellation);
        if (errors.TryDequeue(out var error))
            ExceptionDispatchInfo.Throw(error);
        return [.. results.Where(r => r is not null)];
    }

    private static void ForEach(int count, int parallel, Action<int> run, CancellationToken cancellation)
    {
        var next = -1;
        void Work(object? worker)
        {
            // The explorer stays on the CPU that its caller is on.
            CpuPinning.PinCurrentThread((int)worker! % Environment.ProcessorCount);
            int i;
            while ((i = Interlocked.Increment(ref next)) < count && !cancellation.IsCancellationRequested)
                run(i);
        }

        var threads = Enumerable.Range(0, parallel).Select(i => new Thread(Work) { Name = $"corpus {i}" }).ToArray();
        for (var i = 0; i < threads.Length; i++)
            threads[i].Start(i);
        foreach (var thread in threads)
            thread.Join();
    }

    /// <summary>The scenario of the variant on the code as it is, in a context of its own.</summary>
    public static ExplorationResult ExploreUnpatched(Variant variant, ExplorationOptions options)
    {
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(options);
        return Explore(variant, variant.Exposure,
            ContextRequest.From(variant, options) with { Gate = variant.Patches.Count > 0 ? variant.Gate : null }, options.Cancellation);
    }

    /// <summary>Executes one schedule of a variant again.</summary>
    /// <exception cref="VariantException">The variant cannot be made.</exception>
    /// <exception cref="FormatException">The replay string does not fit; the message says why.</exception>
    public static Trace Replay(Variant variant, string replay)
    {
        ArgumentNullException.ThrowIfNull(variant);
        var request = ContextRequest.From(variant, new ExplorationOptions()) with { Replay = replay };
        return Explore(variant, [.. variant.Exposure, .. variant.Patches], request, CancellationToken.None).Failure!;
    }

    /// <summary>Draws programs over the variant instead of playing its scenario.</summary>
    /// <exception cref="VariantException">The variant cannot be made.</exception>
    public static FuzzResult Fuzz(Variant variant, FuzzOptions options, IProgress<string>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(options);
        using var context = new VariantContext(PatchedAssemblies.Compile(variant, [.. variant.Exposure, .. variant.Patches]));
        return context.Fuzz(options with { Gate = variant.Gate, LockOrder = variant.LockOrder }, progress);
    }

    /// <summary>Explores a generated program over the variant.</summary>
    /// <exception cref="VariantException">The variant cannot be made.</exception>
    public static ExplorationResult ExploreProgram(Variant variant, FuzzProgram program, ExplorationOptions options,
        IProgress<ExplorationResult>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(options);
        return Explore(variant, [.. variant.Exposure, .. variant.Patches],
            ContextRequest.From(variant, options) with { Program = program.ToString() }, options.Cancellation, progress);
    }

    /// <summary>Executes one schedule of a generated program over the variant again.</summary>
    /// <exception cref="VariantException">The variant cannot be made.</exception>
    /// <exception cref="FormatException">The replay string does not fit; the message says why.</exception>
    public static Trace ReplayProgram(Variant variant, FuzzProgram program, string replay)
    {
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(program);
        var request = ContextRequest.From(variant, new ExplorationOptions()) with { Program = program.ToString(), Replay = replay };
        return Explore(variant, [.. variant.Exposure, .. variant.Patches], request, CancellationToken.None).Failure!;
    }

    /// <summary>Explores the one scenario of an assembly that was compiled against this one, over the variant.</summary>
    internal static ExplorationResult ExploreAssembly(Variant variant, byte[] assembly, ContextRequest request) =>
        Explore(variant, [.. variant.Exposure, .. variant.Patches], request with { Assembly = assembly }, CancellationToken.None);

    private static CorpusResult RunOne(Variant variant, ExplorationOptions options, long controlSchedules)
    {
        try
        {
            return Run(variant, options, controlSchedules);
        }
        catch (VariantException e)
        {
            return new(variant, null, null, e.Message, TimeSpan.Zero);
        }
    }

    private static ExplorationResult Explore(Variant variant, IReadOnlyList<SourcePatch> patches, ContextRequest request,
        CancellationToken cancellation, IProgress<ExplorationResult>? progress = null)
    {
        using var context = new VariantContext(PatchedAssemblies.Compile(variant, patches));
        return context.Explore(request, progress, cancellation);
    }

    private static string? Judge(Variant variant, ExplorationResult found, ExplorationResult? control)
    {
        if (control?.Failure?.Verdict is { } alarm)
            return $"False alarm: {variant.ScenarioName} on the code as it is: {alarm.Kind}: {alarm.Sentence}";
        if (found.Failure?.Verdict is not { } verdict)
            return $"Not found in {found.Schedules} schedules.";
        return variant.Expected.Contains(verdict.Kind) ? null
            : $"Found as {verdict.Kind}, not as {string.Join(" or ", variant.Expected)}: {verdict.Sentence}";
    }
}
