using System.Diagnostics;
using System.Threading;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Random schedules on new threads: a stand-in until the engine is there.</summary>
internal sealed class SimpleExploration : ICheckHook
{
    [ThreadStatic]
    private static int t_self;

    private readonly object _lock = new();
    private readonly Random _random;
    private readonly Schedule _schedule;
    private readonly List<string> _steps = [];
    private bool[] _done = [];
    private bool[] _waiting = [];
    private int[] _seen = [];
    private int _version;
    private int _turn = -1;
    private long _count;
    private Verdict? _verdict;

    private sealed class Aborted : Exception;

    private SimpleExploration(Random random)
    {
        _random = random;
        _schedule = new Schedule((_, count) => _random.Next(count), Fail);
    }

    internal static ExplorationResult Explore(Scenario scenario, ExplorationOptions options)
    {
        var clock = Stopwatch.StartNew();
        var limit = Math.Min(options.MaxSchedules, options.Time is null ? 200 : long.MaxValue);
        long schedules = 0, steps = 0;
        while (schedules < limit && !(clock.Elapsed > options.Time) && !options.Cancellation.IsCancellationRequested)
        {
            var one = new SimpleExploration(new Random((int)(options.Seed + (ulong)schedules)));
            var verdict = one.Run(scenario);
            schedules++;
            steps += one._count;
            if (verdict is not null)
                return new(scenario.Name, schedules, steps, -1, false, new Trace(scenario.Name, [.. one._schedule.Threads.Select(t => t.Name)], [], verdict with { Details = string.Join('\n', one._steps) }, "", 0), clock.Elapsed);
        }

        return new(scenario.Name, schedules, steps, -1, false, null, clock.Elapsed);
    }

    private Verdict? Run(Scenario scenario)
    {
        var before = Check.Install(this);
        try
        {
            scenario.Build(_schedule);
            var count = _schedule.Threads.Count;
            (_done, _waiting, _seen) = (new bool[count], new bool[count], new int[count]);
            var threads = _schedule.Threads.Select((t, i) => new Thread(() => Body(i, t.Body))).ToArray();
            foreach (var thread in threads)
                thread.Start();
            lock (_lock)
            {
                _turn = Choose();
                Monitor.PulseAll(_lock);
            }

            foreach (var thread in threads)
                thread.Join();
            foreach (var (name, broken) in _schedule.EndChecks)
            {
                if (_verdict is null && broken() is { } what)
                    _verdict = new(VerdictKind.Invariant, $"{name}: {what}");
            }

            if (_verdict is null)
                _schedule.Monitors.ForEach(m => m.OnEnd());
            return _verdict;
        }
        finally
        {
            _schedule.Cleanups.Reverse();
            _schedule.Cleanups.ForEach(c => c());
            Check.Install(before);
        }
    }

    private void Body(int index, Action body)
    {
        t_self = index + 1;
        lock (_lock)
        {
            while (_turn != index && _verdict is null)
                Monitor.Wait(_lock);
        }

        try
        {
            if (_verdict is null)
                body();
        }
        catch (Aborted)
        {
        }
        catch (Exception e)
        {
            _verdict ??= new(VerdictKind.Exception, e.ToString());
        }

        lock (_lock)
        {
            _done[index] = true;
            Array.Clear(_waiting);
            _turn = Choose();
            Monitor.PulseAll(_lock);
        }
    }

    public void Before(in CheckStep step)
    {
        if (t_self <= 0 || step.Operation is CheckOperation.Mark or CheckOperation.AssertHeld)
            return;
        lock (_lock)
            Pass();
    }

    public bool Wait(in CheckStep step)
    {
        if (t_self <= 0)
            return false;
        lock (_lock)
        {
            _waiting[t_self - 1] = _seen[t_self - 1] == _version;
            _seen[t_self - 1] = _version;
            Pass();
        }

        return true;
    }

    public void After(in CheckStep step, bool succeeded)
    {
        if (t_self <= 0)
            return;
        var self = t_self - 1;
        t_self = 0;
        try
        {
            _count++;
            _steps.Add($"{_schedule.Threads[self].Name}: {step.Operation} {step.Mode} {step.Class?.Name ?? step.Mark?.Name ?? step.Instance?.GetType().Name} {step.Value} {succeeded}");
            foreach (var monitor in _schedule.Monitors)
                monitor.OnStep(self, step, succeeded);
            foreach (var (name, broken) in _schedule.Invariants)
            {
                if (broken() is { } what)
                    Fail(new(VerdictKind.Invariant, $"{name}: {what}"));
            }
        }
        finally
        {
            t_self = self + 1;
        }

        if (step.Operation is CheckOperation.Relax or CheckOperation.Mark)
            return;
        lock (_lock)
        {
            if (step.Operation is CheckOperation.AtomicRead or CheckOperation.PlainRead)
            {
                _seen[self] = _version;
                return;
            }

            _version++;
            Array.Clear(_waiting);
        }
    }

    public bool Offload(Action work) => false;

    private void Fail(Verdict verdict)
    {
        lock (_lock)
        {
            _verdict ??= verdict;
            Monitor.PulseAll(_lock);
        }

        throw new Aborted();
    }

    private void Pass()
    {
        if (_verdict is not null)
            throw new Aborted();
        _turn = Choose();
        Monitor.PulseAll(_lock);
        while (_turn != t_self - 1)
        {
            if (_verdict is not null)
                throw new Aborted();
            Monitor.Wait(_lock);
        }
    }

    private int Choose()
    {
        var enabled = Enumerable.Range(0, _done.Length).Where(i => !_done[i] && !_waiting[i]).ToArray();
        if (enabled.Length > 0)
            return enabled[_random.Next(enabled.Length)];
        if (_done.All(d => d))
            return -1;
        _verdict ??= new(VerdictKind.Deadlock, "No thread can go on.");
        Monitor.PulseAll(_lock);
        return -1;
    }
}
