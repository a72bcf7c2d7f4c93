using Warren.Bench.Harness;

namespace Warren.Bench;

/// <summary>Every benchmark, by name.</summary>
public static class Benchmarks
{
    public static IReadOnlyList<IBenchmark> All { get; } =
    [
        new BootBenchmark(), new CpuBenchmark(), new FaultBenchmark(), new MemslotsBenchmark(), new ZapBenchmark(),
        new InvalidateBenchmark(), new DirtyLogBenchmark(),
        new MemoryBenchmark(), new RmapBenchmark(), new TlbMissBenchmark(), new LockGuardBenchmark(), new LabBenchmark(),
    ];
}
