namespace Warren.Cli.Tests.Streams;

[CollectionDefinition(nameof(GuestFileCollection))]
public sealed class GuestFileCollection : ICollectionFixture<GuestFiles>;
