namespace Warren.Lab.Tests;

/// <summary>Diffs as git prints them, and what is wrong with others: one sentence that names the line.</summary>
public sealed class ProductionPatchTests
{
    private const string File = "src/Warren.Hypervisor/VirtualMachine.Invalidation.cs";
    private const string Question = "        if (IsInvalidating(slot, gfn)) return false;";

    private static readonly string Head = $"diff --git a/{File} b/{File}\nindex 1a6bd8f..2f62fcc 100644\n--- a/{File}\n+++ b/{File}\n";

    /// <summary>One hunk around the line that asks whether the page is being invalidated.</summary>
    private static string Hunk(string replacement)
    {
        var lines = ProductionSources.Of("Warren.Hypervisor")["VirtualMachine.Invalidation.cs"].Split('\n');
        var at = Array.IndexOf(lines, Question);
        return $"@@ -{at},3 +{at},3 @@ a method\n {lines[at - 1]}\n-{Question}\n+{replacement}\n {lines[at + 1]}\n";
    }

    private static string Refused(string diff) => Assert.Throws<VariantException>(() => ProductionPatch.Compile("P.diff", diff)).Message;

    [Fact]
    public void What_a_patch_breaks_is_found_and_replayed()
    {
        var patch = ProductionPatch.Compile("P.diff", Head + Hunk("        if (slot.IsInvalid) return false;"));
        var broken = patch.Explore("patient-fault-vs-discard", new ExplorationOptions { UntilCovered = true });
        Assert.Contains(broken.Failure?.Verdict?.Kind, new VerdictKind?[] { VerdictKind.Invariant, VerdictKind.UseAfterFree });
        Assert.Equal(broken.Failure!.Verdict!.Kind, patch.Replay("patient-fault-vs-discard", broken.Failure.Replay).Verdict?.Kind);
        Assert.Null(patch.Explore("mutex-exclusion", new ExplorationOptions { UntilCovered = true }).Failure);
    }

    [Fact]
    public void A_mail_with_a_new_file_and_one_that_goes_is_applied()
    {
        var gone = ProductionSources.Of("Warren.Hypervisor")["HypervisorMarks.cs"].TrimEnd('\n').Split('\n');
        const string New = "src/Warren.Hypervisor/New.cs";
        const string Old = "src/Warren.Hypervisor/HypervisorMarks.cs";
        string[] mail =
        [
            "From 0123 Mon Sep 17", "Subject: [PATCH] x", "", "- a list", "---", " 1 file changed", "",
            $"diff --git a/{New} b/{New}", "new file mode 100644", "--- /dev/null", $"+++ b/{New}", $"@@ -0,0 +1,{gone.Length} @@",
            .. gone.Select(l => "+" + l),
            $"--- a/{Old}", "+++ /dev/null", $"@@ -1,{gone.Length} +0,0 @@", .. gone.Select(l => "-" + l), "-- ", "2.39.5",
        ];
        var patch = ProductionPatch.Compile("P.diff", string.Join('\n', mail));
        Assert.Null(patch.Explore("mutex-exclusion", new ExplorationOptions { UntilCovered = true })
            .Failure);
    }

    [Theory]
    [InlineData("", "changes no file")]
    [InlineData("some words\n", "changes no file")]
    [InlineData("HEAD", "has no hunk")]
    [InlineData("@@ -1,1 +1,1 @@\n-a\n+b\nHEAD@@ -1,1 +1,1 @@\n-a\n+b\n", "line 1: nothing says which file")]
    [InlineData("words\n+++ b/src/Warren.Locking/Cpu.cs\n@@ -1,1 +1,1 @@\n", "line 2: nothing says which file")]
    [InlineData("--- /dev/null\n+++ b/src/Warren.Locking/../../../etc/X.cs\n@@ -0,0 +1,1 @@\n+b\n", "no source")]
    [InlineData("HEAD@@ nonsense\n", "line 5: this is no head of a hunk")]
    [InlineData("HEAD@@ -1,3 +1,3 @@\n using Warren.HostMemory;\n", "the hunk of line 5 ends early")]
    [InlineData("HEAD@@ -1,1 +1,1 @@\n-a\n+b\n+c\n", "line 8: this line belongs to no hunk")]
    [InlineData("HEAD@@ -1,2 +1,1 @@\n-a\n+b\n+c\n", "not as long as its head says")]
    [InlineData("HEAD@@ -1,1 +1,1 @@\n-a\n+b\n", "line 6: the hunk does not apply, " + File)]
    [InlineData("HEAD@@ -9000,1 +1,1 @@\n-a\n+b\n", "does not apply")]
    [InlineData("--- a/src/Warren.Locking/Gone.cs\n+++ b/src/Warren.Locking/Gone.cs\n@@ -1,1 +1,1 @@\n-a\n+b\n",
        "there is no src/Warren.Locking/Gone.cs")]
    [InlineData("--- a/src/Warren.Machine/Machine.cs\n+++ b/src/Warren.Machine/Machine.cs\n@@ -1,1 +1,1 @@\n-a\n+b\n",
        "no source that scenarios are played on")]
    [InlineData("--- a/src/Warren.Locking/../x.cs\n+++ b/src/Warren.Locking/../x.cs\n@@ -1,1 +1,1 @@\n-a\n+b\n",
        "src/Warren.Locking/../x.cs is no source")]
    [InlineData("--- a/src/Warren.Locking/Cpu.cs\n+++ b/src/Warren.Locking/Mutex.cs\n@@ -1,1 +1,1 @@\n-a\n+b\n", "two names")]
    [InlineData("--- /dev/null\n+++ b/src/Warren.Locking/Cpu.cs\n@@ -0,0 +1,1 @@\n+b\n", "is there already")]
    [InlineData("diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n", "--no-renames")]
    [InlineData("diff --git a/a b/a\nGIT binary patch\n", "binary")]
    public void A_bad_diff_is_refused_in_one_sentence(string diff, string named)
    {
        var message = Refused(diff.Replace("HEAD", Head, StringComparison.Ordinal));
        Assert.StartsWith("P.diff", message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_compile_names_the_place()
    {
        var message = Refused(Head + Hunk("        if (slot.IsNothing) return false;"));
        Assert.Contains(File, message.Split('\n')[0], StringComparison.Ordinal);
        Assert.Contains("IsNothing", message.Split('\n')[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Who_uses_what_a_patch_changes_is_compiled_with_it()
    {
        // The method goes under its name: Warren.HostMemory and Warren.Hypervisor call it.
        var source = ProductionSources.Of("Warren.Locking")["LockMap.cs"];
        var lines = source.TrimEnd('\n').Split('\n');
        var at = Array.FindIndex(lines, l => l.Contains(" Enter(", StringComparison.Ordinal));
        var renamed = lines[at].Replace(" Enter(", " Renamed(", StringComparison.Ordinal);
        const string Head = "--- a/src/Warren.Locking/LockMap.cs\n+++ b/src/Warren.Locking/LockMap.cs\n";
        var message = Refused($"{Head}@@ -{at + 1},1 +{at + 1},1 @@\n-{lines[at]}\n+{renamed}\n");
        Assert.Contains("src/", message, StringComparison.Ordinal);
    }
}
