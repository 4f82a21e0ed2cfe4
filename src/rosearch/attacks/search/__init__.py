"""Search methods: how an attack walks through the texts that its source offers."""
