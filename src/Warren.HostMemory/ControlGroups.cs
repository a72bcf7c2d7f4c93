using System.Globalization;

namespace Warren.HostMemory;

/// <summary>A bound that a control group sets on the memory of this process.</summary>
/// <param name="File">The file that holds it.</param>
/// <param name="Limit">The bound, in bytes.</param>
/// <param name="Left">Bytes of it that are not used, or only as page cache, which gives way; at least 0.</param>
public readonly record struct ControlGroupLimit(string File, long Limit, long Left);

/// <summary>
/// Reads the memory limits of the control groups this process is in, of version 1 and 2 (the kernel's admin-guide/cgroup-v1/memory and
/// cgroup-v2): its own group's and those of all groups above as far as they can be seen. What cannot be read counts as no limit.
/// </summary>
public static class ControlGroups
{
    /// <summary>More than any host has: version 1 writes "no limit" as the greatest number of pages.</summary>
    private const long Unlimited = 1L << 60;

    private sealed record Mount(string Root, string Point, string Type, string[] Options);

    private sealed record Files(string[] Limits, string Usage, string[] Cache);

    // Beyond memory.high nobody is killed, but the process is slowed down until it hardly runs.
    private static readonly Files s_version2 = new(["memory.max", "memory.high"], "memory.current", ["inactive_file", "active_file"]);
    private static readonly Files s_version1 =
        new(["memory.limit_in_bytes"], "memory.usage_in_bytes", ["total_inactive_file", "total_active_file"]);

    /// <summary>The limit with the least left; null when there is none.</summary>
    /// <param name="root">Where the file system begins, for tests.</param>
    public static ControlGroupLimit? FindMemoryLimit(string root = "")
    {
        List<Mount> mounts = [.. Lines(root + "/proc/self/mountinfo").Select(Parse).OfType<Mount>()];
        var found = new List<ControlGroupLimit>();
        foreach (var line in Lines(root + "/proc/self/cgroup"))
        {
            if (line.Split(':', 3) is not [var id, var controllers, var path])
                continue;
            if (id == "0" && controllers.Length == 0)
                Add(found, root, path, mounts.Where(m => m.Type == "cgroup2"), s_version2);
            else if (controllers.Split(',').Contains("memory"))
                Add(found, root, path, mounts.Where(m => m.Type == "cgroup" && m.Options.Contains("memory")), s_version1);
        }

        return found.Count == 0 ? null : found.MinBy(l => l.Left);
    }

    private static void Add(List<ControlGroupLimit> found, string root, string path, IEnumerable<Mount> mounts, Files files)
    {
        foreach (var mount in mounts)
        {
            var group = GroupIn(mount, path);
            if (!Directory.Exists(root + group))
                continue;
            var own = group;
            while (true)
            {
                foreach (var file in files.Limits)
                {
                    if (Number(root + group + "/" + file) is < Unlimited and var limit)
                        found.Add(new ControlGroupLimit($"{group}/{file}", limit, Left(root + group, limit, files)));
                }

                if (group.Length <= mount.Point.Length)
                    break;
                group = group[..group.LastIndexOf('/')];
            }

            // What version 1 says of the groups above that cannot be seen; last, since one that can is the better name.
            if (files == s_version1 && Statistic(root + own, "hierarchical_memory_limit") is < Unlimited and var all)
                found.Add(new ControlGroupLimit($"{own}/memory.stat", all, Left(root + own, all, files)));
            return;
        }
    }

    /// <summary>
    /// Where a mount shows the process's group. A group outside of what is mounted, as when the mount is of another namespace, is not
    /// shown: then the mount's own root is the nearest to it that there is.
    /// </summary>
    private static string GroupIn(Mount mount, string path)
    {
        var top = mount.Root.TrimEnd('/');
        var inside = path.StartsWith(top + "/", StringComparison.Ordinal) && !path.Split('/').Contains("..");
        return inside ? mount.Point + path[top.Length..].TrimEnd('/') : mount.Point;
    }

    private static long Left(string group, long limit, Files files)
    {
        var used = Number($"{group}/{files.Usage}") ?? 0;
        var cache = files.Cache.Sum(key => Statistic(group, key) ?? 0);
        return Math.Clamp(limit - Math.Max(0, used - cache), 0, limit);
    }

    private static long? Statistic(string group, string key)
    {
        var line = Lines($"{group}/memory.stat").FirstOrDefault(l => l.StartsWith(key + " ", StringComparison.Ordinal));
        return line is null ? null : Number(line.AsSpan(key.Length));
    }

    private static long? Number(string file) => Lines(file) is [var line, ..] ? Number(line.AsSpan()) : null;

    /// <summary>"max" is none, and so is anything else that is no number.</summary>
    private static long? Number(ReadOnlySpan<char> text) =>
        ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? (long)Math.Min(value, long.MaxValue)
        : null;

    /// <summary>
    /// proc(5): id, parent, device, root, mount point, options, optional fields, "-", type, source, options of the file system.
    /// </summary>
    private static Mount? Parse(string line)
    {
        var fields = line.Split(' ');
        var dash = Array.IndexOf(fields, "-");
        return dash < 5 || dash + 3 >= fields.Length ? null
            : new Mount(Unescape(fields[3]), Unescape(fields[4]).TrimEnd('/'), fields[dash + 1], fields[dash + 3].Split(','));
    }

    private static string Unescape(string text) => text.Replace("\\040", " ", StringComparison.Ordinal)
        .Replace("\\011", "\t", StringComparison.Ordinal).Replace("\\012", "\n", StringComparison.Ordinal)
        .Replace("\\134", "\\", StringComparison.Ordinal);

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
