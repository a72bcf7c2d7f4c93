using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Warren.Machine.Tests")]
