namespace Warren.Lab;

/// <summary>Which OS thread plays which logical thread.</summary>
internal sealed partial class Engine
{
    private readonly List<Actor> _actorPool = [];
    private readonly List<Worker> _workers = [];

    /// <summary>The worker that has the right to run, or had it last.</summary>
    private Worker? _turn;

    /// <summary>Number of the schedule: who has played in it.</summary>
    private long _playing;

    private Actor PooledActor(int index)
    {
        if (_actorPool.Count == index)
            _actorPool.Add(new Actor(this, index));
        return _actorPool[index];
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
            _workers.Add(next = new Worker(this, _workers.Count, Main));
        return next;
    }

    private unsafe void Main(Worker worker)
    {
        byte here;
        worker.StandsOn((nuint)(&here));
        CpuPinning.PinCurrentThread(_cpu);
        while (true)
        {
            worker.Baton.Take(_yields);
            _turn = worker;
            if (worker.Retired)
                return;
            int next;
            if (_begin)
            {
                _begin = false;
                next = BeginSchedule(worker);
            }
            else
            {
                next = Play(worker, worker.Actor!);
            }

            while (next >= 0 && !IsSpent(worker) && _actors[next] is { Worker: null } fresh)
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

    /// <summary>It has played in this schedule, and may not again.</summary>
    private bool IsSpent(Worker worker) => _scenario.KeepsStateByThread && worker.Played == _playing;

    private void HandOver(int next)
    {
        _running = next;
        if (next < 0)
        {
            _ended.Set();
            return;
        }

        var actor = _actors[next];
        if (actor.Worker is null)
        {
            actor.Worker = IdleWorker();
            actor.Worker.Busy = true;
            actor.Worker.Actor = actor;
        }

        actor.Worker.Baton.Give();
    }

    /// <summary>Ends the threads that may not be used again. On the exploring thread, while all are idle.</summary>
    private void RetireWorkers(bool all)
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
