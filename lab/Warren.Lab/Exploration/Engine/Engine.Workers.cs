namespace Warren.Lab;

/// <summary>Which OS thread plays which logical thread.</summary>
internal sealed partial class Engine
{
    private readonly List<Actor> _actorPool = [];
    private readonly List<Worker> _workers = [];
    private readonly Stack<Worker> _idle = new();

    /// <summary>Idle too, but they have played in this schedule.</summary>
    private readonly Stack<Worker> _spent = new();
    private long _playing;

    private Actor PooledActor(int index)
    {
        if (_actorPool.Count == index)
            _actorPool.Add(new Actor(this, index));
        return _actorPool[index];
    }

    private Worker IdleWorker()
    {
        if (_idle.TryPop(out var idle))
            return idle;
        var worker = new Worker(this, _workers.Count, Main);
        _workers.Add(worker);
        return worker;
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

            while (next >= 0 && worker.Played != _playing && _actors[next] is { Worker: null } fresh)
            {
                fresh.Worker = worker;
                _running = next;
                next = Play(worker, fresh);
            }

            worker.Actor = null;
            (worker.Played == _playing ? _spent : _idle).Push(worker);
            HandOver(next);
        }
    }

    /// <summary>A new schedule begins: everybody may play again.</summary>
    private void FreeWorkers()
    {
        _playing++;
        while (_spent.TryPop(out var spent))
            _idle.Push(spent);
    }

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
            actor.Worker.Actor = actor;
        }

        actor.Worker.Baton.Give();
    }

    /// <summary>Ends the threads that may not be used again. On the exploring thread, while all are idle.</summary>
    private void RetireWorkers(bool all)
    {
        _idle.Clear();
        _spent.Clear();
        for (var i = _workers.Count - 1; i >= 0; i--)
        {
            var worker = _workers[i];
            if (!all && !worker.Dirty)
            {
                _idle.Push(worker);
                continue;
            }

            worker.Retired = true;
            worker.Baton.Give();
            worker.Thread.Join();
            _workers.RemoveAt(i);
        }
    }
}
