using Warren.Locking;

namespace Warren.Lab;

/// <summary>The names that people give to the places that steps touch.</summary>
internal sealed class PlaceNames(ScheduleState state, Schedule schedule)
{
    private readonly LocationTable _locations = state.Locations;

    /// <summary>The class of the lock, or type and field, and its number among its like.</summary>
    internal string NameOf(int index)
    {
        ref var location = ref _locations[index];
        return location.Class is null && location.Instance is { } instance ? ObjectName(index) + FieldNames.Of(instance, location.Offset)
            : ObjectName(index);
    }

    /// <summary>The name of an object that steps have touched, without a field; null for one that none has.</summary>
    internal string? NameOf(object instance)
    {
        for (var i = 0; i < _locations.Count; i++)
        {
            if (ReferenceEquals(_locations[i].Instance, instance))
                return ObjectName(i);
        }

        return null;
    }

    /// <summary>How many objects with this name for their like have been touched.</summary>
    internal int CountOf(string name)
    {
        var count = 0;
        for (var i = 0; i < _locations.Count; i++)
        {
            if (_locations[i].Instance is not null && LocationName(ref _locations[i]) == name && IsFirstOfItsObject(i))
                count++;
        }

        return count;
    }

    internal IEnumerable<string> HeldBy(Actor actor)
    {
        for (var i = 0; i < actor.HeldCount; i++)
            yield return NameOf(actor.HeldLocation[i]) + (actor.HeldMode[i] == LockMode.Shared ? " (shared)" : "");
    }

    /// <summary>The meaning for people of a value read or written at the place, or empty.</summary>
    internal string MeaningOf(int index, long value)
    {
        ref var location = ref _locations[index];
        var place = location.Class is null && location.Instance is null ? location.Offset : 0;
        return Ask(names => names.MeaningOf?.Invoke(place, value));
    }

    private string ObjectName(int index)
    {
        ref var location = ref _locations[index];
        var name = LocationName(ref location);
        if (location.NativeName is { Length: > 0 })
            return name;
        var number = 1;
        for (var i = 0; i < index; i++)
        {
            // One number for an object, however many of its fields are touched.
            if (ReferenceEquals(_locations[i].Instance, location.Instance) && location.Instance is not null)
                break;
            if (LocationName(ref _locations[i]) == name && IsFirstOfItsObject(i))
                number++;
        }

        return $"{name}#{number}";
    }

    private bool IsFirstOfItsObject(int index)
    {
        var instance = _locations[index].Instance;
        for (var i = 0; i < index && instance is not null; i++)
        {
            if (ReferenceEquals(_locations[i].Instance, instance))
                return false;
        }

        return true;
    }

    private string LocationName(ref Location location)
    {
        if (location.Class is not null || location.Instance is not null)
            return location.Class?.Name ?? location.Instance!.GetType().Name;
        return (location.NativeName ??= NativeName(location.Offset)) is { Length: > 0 } name ? name : "memory";
    }

    private string NativeName(nint address) => Ask(names => names.NameOf(address));

    private string Ask(Func<(Func<nint, string?> NameOf, Func<nint, long, string?>? MeaningOf), string?> question)
    {
        var runner = state.Current;
        var wasMuted = runner?.Muted;
        runner?.Muted = true;
        var answer = schedule.NativeNames.Select(question).FirstOrDefault(static a => a is not null) ?? "";
        runner?.Muted = wasMuted!.Value;
        return answer;
    }
}
