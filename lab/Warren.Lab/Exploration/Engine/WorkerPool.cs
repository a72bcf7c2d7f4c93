using System.Threading;

namespace Warren.Lab;

/// <summary>Which OS thread plays which logical thread, and the right to run as it passes between them.</summary>
/// <param name="keepsStateByThread">As <see cref="Scenario.KeepsStateByThread"/>.</param>
internal sealed class WorkerPool(ScheduleState state, bool keepsStateByThread) : IDisposable
{
    /// <summary>Of one who waits for its turn, before it sleeps.</summary>
    private const int Yields = 4000;

    private readonly ManualResetEventSlim _ended = new(false);
    private readonly List<Worker> _workers = [];
    private readonly int _cpu = CpuPinning.Current;
    private ISchedulePlayer _player = null!;
    private bool _begin;

    /// <summary>Number of the schedule: who has played in it.</summary>
    private long _playing;

    private int _running;

    /// <summary>The logical thread that has, or had last, the right to run; null when it is none.</summary>
    internal Actor? Running => (uint)_running < (uint)state.ActorCount ? state[_running] : null;

    /// <summary>Has a pooled thread begin. On the exploring thread, which waits with <see cref="WaitForEnd"/>.</summary>
    internal void Start(ISchedulePlayer player)
    {
        _player = player;
        _begin = true;
        _ended.Reset();
        _playing++;
        var first = IdleWorker();
        first.Busy = true;
        first.Baton.Give();
    }

    /// <summary>True when the exploring thread is next.</summary>
    internal bool WaitForEnd(TimeSpan time) => _ended.Wait(time);

    /// <summary>Another schedule begins: each thread may play again.</summary>
    internal void BeginsSchedule() => _playing++;

    /// <summary>Gives the turn away, and returns when it has come back.</summary>
    internal void PassTo(int next, Worker worker)
    {
        HandOver(next);
        worker.Baton.Take(Yields);
        state.Turn = worker;
    }

    /// <summary>The other runs on the stack of the one below.</summary>
    /// <returns>Who is next when it has ended.</returns>
    internal int PlayOnTop(Actor below, Actor actor)
    {
        var worker = below.Worker!;
        actor.Worker = worker;
        actor.Below = below;
        worker.Actor = actor;
        _running = actor.Index;
        var next = Play(worker, actor);
        worker.Current = below;
        return next;
    }

    /// <summary>
    /// Ends the threads that were unwound and may not be used again. On the exploring thread, while all are idle.
    /// </summary>
    internal void RetireDirty()
    {
        if (_workers.Exists(static w => w.Dirty))
            Retire(all: false);
    }

    /// <summary>The same for all of them.</summary>
    public void Dispose()
    {
        Retire(all: true);
        _ended.Dispose();
    }

    /// <summary>
    /// A worker that may play. Those that wait give the one CPU away in turn, and the system comes to the one first that did so longest
    /// ago: any other takes a switch more for each before it.
    /// </summary>
    private Worker IdleWorker()
    {
        Worker? next = null;
        foreach (var worker in _workers)
        {
            if (!worker.Busy && !IsSpent(worker) && (next is null || worker.Baton.Waits < next.Baton.Waits))
                next = worker;
        }

        if (next is null)
            _workers.Add(next = new Worker(_workers.Count, Main));
        return next;
    }

    private unsafe void Main(Worker worker)
    {
        byte here;
        worker.StandsOn((nuint)(&here));
        CpuPinning.PinCurrentThread(_cpu);
        while (true)
        {
            worker.Baton.Take(Yields);
            state.Turn = worker;
            if (worker.Retired)
                return;
            int next;
            if (_begin)
            {
                _begin = false;
                next = _player.Begin(worker);
            }
            else
            {
                next = Play(worker, worker.Actor!);
            }

            while (next >= 0 && !IsSpent(worker) && state[next] is { Worker: null } fresh)
            {
                fresh.Worker = worker;
                worker.Actor = fresh;
                _running = next;
                next = Play(worker, fresh);
            }

            worker.Busy = false;
            HandOver(next);
        }
    }

    private int Play(Worker worker, Actor actor)
    {
        worker.Played = _playing;
        return _player.Play(worker, actor);
    }

    /// <summary>It has played in this schedule, and may not again.</summary>
    private bool IsSpent(Worker worker) => keepsStateByThread && worker.Played == _playing;

    private void HandOver(int next)
    {
        _running = next;
        if (next < 0)
        {
            _ended.Set();
            return;
        }

        var actor = state[next];
        if (actor.Worker is null)
        {
            actor.Worker = IdleWorker();
            actor.Worker.Busy = true;
            actor.Worker.Actor = actor;
        }

        actor.Worker.Baton.Give();
    }

    private void Retire(bool all)
    {
        for (var i = _workers.Count - 1; i >= 0; i--)
        {
            var worker = _workers[i];
            if (!all && !worker.Dirty)
                continue;
            worker.Retired = true;
            worker.Baton.Give();
            worker.Thread.Join();
            _workers.RemoveAt(i);
        }
    }
}
