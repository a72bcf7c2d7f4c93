namespace Warren.HostMemory.Tests;

/// <summary>The limits of control groups, seen in a file system made up for the test.</summary>
public sealed class ControlGroupTests : IDisposable
{
    private const string Version2 = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    private const string Version1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory";

    private readonly string _root = Directory.CreateTempSubdirectory("warren-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Write(string path, string text)
    {
        var file = _root + path;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
    }

    private void Process(string groups, string mounts)
    {
        Write("/proc/self/cgroup", groups.Replace("|", "\n", StringComparison.Ordinal));
        Write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/root rw\n" + mounts);
    }

    private ControlGroupLimit? Find() => ControlGroups.FindMemoryLimit(_root);

    private static long M(long mebibytes) => mebibytes << 20;

    [Fact]
    public void Nothing_to_read_is_no_limit()
    {
        Assert.Null(Find());
        Process("0::/a", Version2);
        Assert.Null(Find());
        Write("/sys/fs/cgroup/a/memory.max", "max");
        Write("/sys/fs/cgroup/a/memory.current", $"{M(5)}");
        Assert.Null(Find());
        Write("/sys/fs/cgroup/a/memory.max", "rubbish");
        Assert.Null(Find());
        Write("/proc/self/mountinfo", "35 31 0:32 - cgroup2\n-\n\n1 2 3 4 5 6\n");
        Write("/proc/self/cgroup", "0:\n:::\nrubbish\n");
        Assert.Null(Find());
    }

    [Theory]
    [InlineData("/", "/sys/fs/cgroup")]
    [InlineData("/a/b/c", "/sys/fs/cgroup/a/b/c")]
    [InlineData("/a/b/c", "/sys/fs/cgroup/a/b")]
    [InlineData("/a/b/c", "/sys/fs/cgroup/a")]
    [InlineData("/a/b/c", "/sys/fs/cgroup")]
    [InlineData("/with space/x:y", "/sys/fs/cgroup/with space/x:y")]
    public void A_limit_anywhere_up_the_tree_counts(string group, string where)
    {
        Process($"0::{group}", Version2);
        Directory.CreateDirectory(_root + "/sys/fs/cgroup" + group);
        Write(where + "/memory.max", $"{M(200)}");
        Write(where + "/memory.current", $"{M(70)}");
        Write(where + "/memory.stat", $"anon 1\ninactive_file {M(20)}\nactive_file {M(10)}\nfile {M(40)}");
        Assert.Equal(new ControlGroupLimit(where + "/memory.max", M(200), M(160)), Find());
    }

    [Fact]
    public void The_limit_with_the_least_left_counts_and_the_high_one_too()
    {
        Process("0::/a/b", Version2);
        Write("/sys/fs/cgroup/a/b/memory.max", $"{M(300)}");
        Write("/sys/fs/cgroup/a/b/memory.high", "max");
        Write("/sys/fs/cgroup/a/b/memory.current", $"{M(10)}");
        Write("/sys/fs/cgroup/a/memory.max", $"{M(1000)}");
        Write("/sys/fs/cgroup/a/memory.current", $"{M(900)}");
        Assert.Equal(("/sys/fs/cgroup/a/memory.max", M(100)), (Find()!.Value.File, Find()!.Value.Left));
        Write("/sys/fs/cgroup/a/b/memory.high", $"{M(64)}");
        Assert.Equal(new ControlGroupLimit("/sys/fs/cgroup/a/b/memory.high", M(64), M(54)), Find());
        Write("/sys/fs/cgroup/a/b/memory.current", $"{M(80)}");
        Assert.Equal(0, Find()!.Value.Left);
        // The two files are not read at the same moment: there is never more left than there is.
        Write("/sys/fs/cgroup/a/b/memory.stat", $"inactive_file {M(90)}");
        Assert.Equal(M(64), Find()!.Value.Left);
    }

    [Fact]
    public void Version_1_has_its_own_files_and_knows_of_groups_that_cannot_be_seen()
    {
        Process("9:name=systemd:/x|4:cpu,memory:/docker/abc|0::/",
            Version1.Replace("rw,memory", "rw,cpu,memory", StringComparison.Ordinal));
        Write("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712");
        Write("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", $"{M(50)}");
        Write("/sys/fs/cgroup/memory/docker/abc/memory.stat", "cache 5\nhierarchical_memory_limit 9223372036854771712");
        Assert.Null(Find());
        Write("/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", $"{M(400)}");
        Write("/sys/fs/cgroup/memory/docker/memory.usage_in_bytes", $"{M(100)}");
        Assert.Equal(new ControlGroupLimit("/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", M(400), M(300)), Find());
        Write("/sys/fs/cgroup/memory/docker/abc/memory.stat",
            $"hierarchical_memory_limit {M(200)}\ntotal_inactive_file {M(8)}\ntotal_active_file {M(2)}");
        Assert.Equal(new ControlGroupLimit("/sys/fs/cgroup/memory/docker/abc/memory.stat", M(200), M(160)), Find());
    }

    [Fact]
    public void A_mount_of_version_1_without_the_memory_controller_says_nothing_of_memory()
    {
        Process("9:cpu:/a|4:memory:/a", "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" + Version1);
        Directory.CreateDirectory(_root + "/sys/fs/cgroup/cpu/a");
        Write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", $"{M(200)}");
        Assert.Equal(new ControlGroupLimit("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", M(200), M(200)), Find());
    }

    /// <summary>proc(5): blanks and backslashes of a name are three octal digits.</summary>
    [Fact]
    public void A_mount_point_may_have_any_name()
    {
        Process("0::/b c/d", "30 23 0:27 /b\\040c /mnt/x\\040y\\134z rw - cgroup2 cgroup2 rw");
        Write("/mnt/x y\\z/d/memory.max", $"{M(128)}");
        Assert.Equal(new ControlGroupLimit("/mnt/x y\\z/d/memory.max", M(128), M(128)), Find());
    }

    /// <summary>Mounts as container managers make them: of the container's own group, in this namespace or another.</summary>
    [Theory]
    [InlineData("/docker/abc", "/docker/abc", "")]
    [InlineData("/docker/abc/inner", "/docker/abc", "/inner")]
    [InlineData("/", "/", "")]
    [InlineData("/", "/docker/abc", "")]
    [InlineData("/", "/../..", "")]
    [InlineData("/../sibling", "/", "")]
    [InlineData("/gone (deleted)", "/", "")]
    public void The_group_is_found_through_namespaces(string group, string mountRoot, string shown)
    {
        Process($"0::{group}", $"30 23 0:27 {mountRoot} /sys/fs/cgroup rw - cgroup2 cgroup rw");
        Directory.CreateDirectory(_root + "/sys/fs/cgroup" + shown);
        Write("/sys/fs/cgroup/memory.max", $"{M(128)}");
        var found = Find();
        if (group.Contains("deleted", StringComparison.Ordinal))
            Assert.Null(found);
        else
            Assert.Equal(new ControlGroupLimit("/sys/fs/cgroup/memory.max", M(128), M(128)), found);
    }

    [Fact]
    public void Guests_get_what_is_left_less_what_Warren_needs()
    {
        Assert.Null(ProcessMemory.Make(null));
        using var budget = ProcessMemory.Make(new ControlGroupLimit("/x/memory.max", M(200), M(150)))!;
        Assert.Equal(M(150) - ProcessMemory.OwnNeed, budget.Limit);
        Assert.Contains("/x/memory.max", budget.Origin, StringComparison.Ordinal);
        var e = Assert.Throws<OutOfBudgetException>(() => ProcessMemory.Make(new ControlGroupLimit("/x/memory.max", M(100), M(60))));
        Assert.Contains("/x/memory.max", e.Message, StringComparison.Ordinal);
        Assert.Contains("raise", e.Message, StringComparison.Ordinal);
        // A budget of nothing would be no help to anybody.
        Assert.Throws<OutOfBudgetException>(() =>
            ProcessMemory.Make(new ControlGroupLimit("/x/memory.max", M(100), ProcessMemory.OwnNeed)));
    }

    [Fact]
    public void A_budget_knows_when_it_is_used_up()
    {
        using var pool = new FramePool(8 << 20);
        using var budget = new MemoryBudget(2 * FramePool.PageSize, "a test");
        Assert.False(budget.IsUsedUp);
        var frames = new[] { pool.AllocateZeroed(budget), pool.AllocateZeroed(budget) };
        Assert.True(budget.IsUsedUp);
        foreach (var frame in frames)
            pool.Put(frame);
        Assert.False(budget.IsUsedUp);
    }
}
