namespace Warren.Lab;

/// <summary>Which OS thread plays which logical thread.</summary>
internal sealed partial class Engine
{
    private readonly List<Actor> _actorPool = [];
    private readonly List<Worker> _workers = [];

    /// <summary>Number of the schedule: who has played in it.</summary>
    private long _playing;

    private Actor PooledActor(int index)
    {
        if (_actorPool.Count == index)
            _actorPool.Add(new Actor(this, index));
        return _actorPool[index];
    }

    /// <summary>
    /// A worker that may play. Those that wait give the one CPU away in turn, which the system keeps in the order in which they came: it is reached at once
    /// by who stands next behind <paramref name="giver"/>, and others take a switch more for each between.
    /// </summary>
    private Worker IdleWorker(Worker? giver)
    {
        var (count, first) = (_workers.Count, giver is null ? 0 : giver.Number + 1);
        for (var i = 0; i < count; i++)
        {
            var worker = _workers[first + i < count ? first + i : first + i - count];
            if (!worker.Busy && !IsSpent(worker))
                return worker;
        }

        var added = new Worker(this, count, Main);
        _workers.Add(added);
        return added;
    }

    private void Main(Worker worker)
    {
        CpuPinning.PinCurrentThread(_cpu);
        t_actor = worker.Host;
        while (true)
        {
            worker.Baton.Take(_yields);
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
                _running = next;
                next = Play(worker, fresh);
            }

            worker.Actor = null;
            worker.Busy = false;
            HandOver(worker, next);
        }
    }

    /// <summary>It has played in this schedule, and may not again.</summary>
    private bool IsSpent(Worker worker) => _scenario.KeepsStateByThread && worker.Played == _playing;

    private void HandOver(Worker giver, int next)
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
            actor.Worker = IdleWorker(giver);
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

        for (var i = 0; i < _workers.Count; i++)
            _workers[i].Number = i;
    }
}
